"""What jobs share may be read by extensions, and not written to: weights in memory, and encodings that are kept.

While an extension's code runs, each operation of torch is looked at, and one that would write to such memory is not
carried out: so nothing has to be put back, and jobs beside it and after it draw from what they would draw from without
it. Arrays of numpy over such memory are handed out for reading alone. What else goes round torch's operations (an
address, a layer's forward that is replaced) is not seen here; `structure.py` finds some of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import TracebackType
from typing import Any

import numpy as np
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

_ARRAYS = (Tensor.numpy, Tensor.__array__)
"""What gives numpy the memory of a tensor."""


class WroteToShared(Exception):
    """An extension's code wanted to write to what jobs share."""


class ReadOnly(TorchDispatchMode):
    """Within the block, in this thread, an operation that writes to shared tensors raises WroteToShared.

    The error is raised at the end again where the code has caught it.
    """

    def __init__(self, shared: Callable[[], Iterable[Tensor]]) -> None:
        """`shared` gives what is not to be written to; it is asked when something is first written to."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._shared = shared
        self._places: frozenset[int] | None = None
        self._refused: list[WroteToShared] = []
        self._arrays = _ReadOnlyArrays(self._is_shared)

    @override
    def __enter__(self) -> ReadOnly:
        super().__enter__()  # type: ignore[no-untyped-call]
        self._arrays.__enter__()  # type: ignore[no-untyped-call]
        return self

    # Any: what operations take and give.
    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        for tensor in _written(func, args, given):
            if self._is_shared(tensor):
                refused = WroteToShared(
                    f"it wanted to write by {func} to a tensor of shape {tuple(tensor.shape)} that all jobs share, a weight "
                    "or a kept encoding; that was refused. Change a copy of it (tensor.clone()), or put work of your own "
                    "around the model's"
                )
                self._refused.append(refused)
                raise refused
        return func(*args, **given)

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._arrays.__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        if self._refused and (error is None or isinstance(error, StopIteration)):
            raise self._refused[0]

    def _is_shared(self, tensor: Tensor) -> bool:
        if self._places is None:
            found = {_place(each) for each in self._shared()}
            self._places = frozenset(place for place in found if place is not None)
        return _place(tensor) in self._places


class _ReadOnlyArrays(TorchFunctionMode):
    """Within the block, numpy's writing to the memory of shared tensors raises its ValueError."""

    def __init__(self, is_shared: Callable[[Tensor], bool]) -> None:
        super().__init__()
        self._is_shared = is_shared

    # Any: what torch's functions take and give.
    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        if func in _ARRAYS and isinstance(given, np.ndarray) and self._is_shared(args[0]):
            given.flags.writeable = False
        return given


# Any: as above.
def _written(operation: Any, args: Any, named: Any) -> Iterator[Tensor]:
    """The tensors among an operation's arguments that it writes to."""
    for position, name in _writes_to(operation):
        value = args[position] if position < len(args) else named.get(name)
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, Tensor):
                yield each


@lru_cache(maxsize=4096)
def _writes_to(operation: Any) -> tuple[tuple[int, str], ...]:
    """Place and name of each argument that an operation writes to."""
    arguments = enumerate(operation._schema.arguments)
    return tuple((i, a.name) for i, a in arguments if a.alias_info and a.alias_info.is_write)


def _place(tensor: Tensor) -> int | None:
    """Where its memory begins; None where it has none of its own."""
    if tensor.is_mkldnn or tensor.is_meta or tensor.is_sparse:
        return None
    return tensor.untyped_storage().data_ptr() or None
