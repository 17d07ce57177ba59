"""Reads what a pickle describes without unpickling it.

A pickle is a program for a small stack machine, and two of its instructions call any function by name.
Here the machine is walked through with *descriptions*: numbers, texts, lists and mappings are what they
are; a call becomes a `Foreign` that says what would have been called; torch's own way to write a tensor
becomes a `PickledTensor`. Nothing is imported and nothing is called, whatever the file says. A name that
no file of weights needs is refused all the same, so that nobody passes such a file on.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from webui.contracts.errors import UnsafeModel

MAX_STEPS = 500_000
"""Instructions that are followed in a file, all of its pickles together; a full checkpoint with its optimizer has
about a hundred thousand. What an instruction copies is counted too: one that copies a list of thousands is as many."""
MAX_DIMENSIONS = 32
"""Of a tensor: products of more sides would be numbers of millions of digits."""
MAX_NAME = 1000
"""Characters of the name of a thing, of its module, and of a storage."""

STORAGES: Mapping[str, str] = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8",
    "ByteStorage": "U8", "BoolStorage": "BOOL", "UntypedStorage": "U8",
}  # fmt: skip
"""torch's name of a storage to the type of its numbers."""
DTYPES: Mapping[str, str] = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64",
    "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip
"""torch's name of a type of numbers to safetensors'."""

_REBUILD = "torch._utils"
_HARMLESS = {
    "collections": {"OrderedDict", "defaultdict"},
    "torch": {*STORAGES, *DTYPES, "Size", "device", "Tensor"},
    "torch.storage": {*STORAGES, "TypedStorage", "_load_from_bytes"},
    _REBUILD: {
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
        "_rebuild_parameter_with_state",
    },
    "torch._tensor": {"_rebuild_from_type_v2"},
    "torch.nn.parameter": {"Parameter"},
    "numpy": {"dtype", "ndarray"},
    "numpy.core.multiarray": {"scalar", "_reconstruct"},
    "numpy._core.multiarray": {"scalar", "_reconstruct"},
    "_codecs": {"encode"},
    "argparse": {"Namespace"},
    "builtins": {"set", "frozenset", "slice", "complex", "bytearray", "int", "list", "dict"},
    "__builtin__": {"set", "frozenset", "slice", "complex", "bytearray", "long", "int", "list", "dict"},
    "copyreg": {"_reconstructor"},
    "copy_reg": {"_reconstructor"},
}  # fmt: skip
_HARMLESS_PACKAGES = ("torch.nn.modules.", "pytorch_lightning.", "lightning.", "omegaconf.", "ldm.")
"""Their objects lie beside the weights in what trainers save."""


@dataclass(frozen=True, eq=False)
class Global:
    """A thing of a module, named and not looked up."""

    module: str
    name: str


@dataclass(eq=False)
class Foreign:
    """What a call would have made."""

    # Any: descriptions of whatever the file holds.
    maker: Any
    arguments: Any
    state: Any = None


@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers that lie beside the pickle; several tensors may be cut from one."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, eq=False)
class PickledTensor:
    """A tensor, by where its numbers lie."""

    storage: Storage
    dtype: str
    start: int
    """First number, counted in the storage."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class PickleError(ValueError):
    """The pickle makes no sense."""


# Any, here and below: a description of whatever the file holds.
def walk(stream: BinaryIO) -> Any:
    """What the next pickle in a stream describes; as `Walker` has it."""
    return Walker().walk(stream)


class Walker:
    """Walks through the pickles of one file, which may have so many instructions together."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def walk(self, stream: BinaryIO) -> Any:
        """What the next pickle in a stream describes; the stream is left behind it.

        Raises:
            UnsafeModel: it names something that no file of weights needs.
            PickleError: it is damaged, or larger than any real one.
        """
        machine = _Machine(self._left)
        content = machine.run(stream)
        self._left = machine.left
        return content


_MARK = object()


class _Machine:
    """The stack machine, with descriptions on its stack."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        """Instructions that may still follow."""
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._does: dict[str, Callable[[Any], None]] = {
            **dict.fromkeys(_PUSH_ARGUMENT, self._stack.append),
            **{name: self._pusher(value) for name, value in _CONSTANTS.items()},
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._remember),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), self._recall),
            **dict.fromkeys(("PROTO", "FRAME"), lambda _: None),
            "MEMOIZE": lambda _: self._remember(len(self._memo)),
            "MARK": lambda _: self._stack.append(_MARK),
            "POP": lambda _: self._pop(),
            "POP_MARK": lambda _: self._drop_to_mark(),
            "DUP": lambda _: self._stack.append(self._top()),
            "EMPTY_DICT": lambda _: self._stack.append({}),
            "EMPTY_LIST": lambda _: self._stack.append([]),
            "EMPTY_SET": lambda _: self._stack.append([]),
            "LIST": lambda _: self._stack.append(self._pop_to_mark()),
            "FROZENSET": lambda _: self._stack.append(self._pop_to_mark()),
            "TUPLE": lambda _: self._stack.append(tuple(self._pop_to_mark())),
            "TUPLE1": lambda _: self._tuple(1),
            "TUPLE2": lambda _: self._tuple(2),
            "TUPLE3": lambda _: self._tuple(3),
            "DICT": lambda _: self._dict(),
            "APPEND": lambda _: self._extend([self._pop()]),
            "APPENDS": lambda _: self._extend(self._pop_to_mark()),
            "ADDITEMS": lambda _: self._extend(self._pop_to_mark()),
            "SETITEM": lambda _: self._set_items([self._pop(), self._pop()][::-1]),
            "SETITEMS": lambda _: self._set_items(self._pop_to_mark()),
            "GLOBAL": lambda argument: self._global(*argument.split(" ", 1)),
            "STACK_GLOBAL": lambda _: self._global(*[self._pop(), self._pop()][::-1]),
            "BINPERSID": lambda _: self._stack.append(_persistent(self._pop())),
            "REDUCE": lambda _: self._call(),
            "NEWOBJ": lambda _: self._call(),
            "BUILD": lambda _: self._build(),
        }

    def run(self, stream: BinaryIO) -> Any:
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                self._spend(1)
                if opcode.name == "STOP":
                    return self._pop()
                if opcode.name not in self._does:
                    raise PickleError(f"it has the instruction {opcode.name}, which none has")
                self._does[opcode.name](argument)
        except (LookupError, TypeError, AttributeError, ValueError, MemoryError) as error:
            raise PickleError(str(error) or type(error).__name__) from error
        raise PickleError("it has no end")

    def _spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise PickleError(f"it has more than {MAX_STEPS} instructions")

    def _pusher(self, value: Any) -> Callable[[Any], None]:
        return lambda _: self._stack.append(value)

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise PickleError("it takes from an empty stack")
        return self._stack[-1]

    def _pop(self) -> Any:
        value = self._top()
        self._stack.pop()
        return value

    def _pop_to_mark(self) -> list[Any]:
        at = len(self._stack) - 1
        while at >= 0 and self._stack[at] is not _MARK:
            at -= 1
        if at < 0:
            raise PickleError("it closes what it has not opened")
        values = self._stack[at + 1 :]
        del self._stack[at:]
        return values

    def _drop_to_mark(self) -> None:
        self._pop_to_mark()

    def _tuple(self, count: int) -> None:
        values = self._stack[-count:]
        if len(values) < count or _MARK in values:
            raise PickleError("it takes from an empty stack")
        self._stack[-count:] = [tuple(values)]

    def _remember(self, place: Any) -> None:
        self._memo[int(place)] = self._top()

    def _recall(self, place: Any) -> None:
        self._stack.append(self._memo[int(place)])

    def _dict(self) -> None:
        values = self._pop_to_mark()
        self._stack.append({})
        self._set_items(values)

    def _extend(self, values: list[Any]) -> None:
        if isinstance(owner := self._top(), list):
            owner.extend(values)

    def _set_items(self, values: list[Any]) -> None:
        """Into a mapping; one of another kind of key (a tuple may be endlessly deep) is passed over."""
        owner = self._top()
        if isinstance(owner, Foreign):
            owner.state = owner.state if isinstance(owner.state, dict) else {}
            owner = owner.state
        if not isinstance(owner, dict) or len(values) % 2:
            raise PickleError("it puts items into what has none")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if _is_key(key):
                owner[key] = value

    def _global(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise PickleError("it names what is no name")
        if len(module) > MAX_NAME or len(name) > MAX_NAME:
            raise PickleError(
                f"it names {module[:50]!r}, {name[:50]!r} in more than {MAX_NAME} characters"
            )
        if name not in _HARMLESS.get(module, ()) and not f"{module}.".startswith(
            _HARMLESS_PACKAGES
        ):
            raise UnsafeModel(f"{module[:100]}.{name[:100]}")
        self._stack.append(Global(module, name))

    def _call(self) -> None:
        arguments, maker = self._pop(), self._pop()
        if isinstance(arguments, tuple):
            copied = arguments[:1] if isinstance(maker, Global) else ()
            self._spend(len(arguments) + sum(len(a) for a in copied if isinstance(a, list)))
        self._stack.append(_made(maker, arguments))

    def _build(self) -> None:
        """An object's attributes; those of mappings and tensors are not needed."""
        state = self._pop()
        if isinstance(owner := self._top(), Foreign):
            owner.state = state


_PUSH_ARGUMENT = (
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "FLOAT", "BINFLOAT",
)  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


def _is_key(value: Any) -> bool:
    """Whether it can be the key of a mapping; a number of many digits takes long to be looked up."""
    return isinstance(value, (str, float)) or (isinstance(value, int) and abs(value) < 2**63)


def _persistent(reference: Any) -> Storage | Global:
    """What torch.save writes in place of a storage: ('storage', its type, key, device, numbers).

    In its older way, in place of a class too: ('module', the class, its file, its source).
    """
    if not isinstance(reference, tuple) or not 2 <= len(reference) <= 16:
        raise PickleError("a storage is not described as torch does")
    if reference[0] == "module" and isinstance(reference[1], Global):
        return reference[1]
    _, kind, key, _, count, *view = reference
    if (
        not isinstance(kind, Global)
        or not isinstance(count, int)
        or not _is_key(key)
        or len(str(key)) > MAX_NAME
        or any(view)
    ):
        raise PickleError("a storage is not described as torch does")
    return Storage(str(key), STORAGES[kind.name], count)


def _made(maker: Any, arguments: Any) -> Any:
    """What a call makes: a tensor or a mapping, else a description of the call."""
    if not isinstance(maker, Global) or not isinstance(arguments, tuple):
        return Foreign(maker, arguments)
    if maker.name in ("OrderedDict", "defaultdict"):
        pairs = arguments[0] if arguments and isinstance(arguments[0], list) else []
        return {key: value for key, value in pairs if _is_key(key)}
    if maker.name == "Size":
        return arguments[0]
    if maker.name.startswith("_rebuild_parameter"):
        return arguments[0]
    if maker.name == "_rebuild_from_type_v2":
        return _made(arguments[0], arguments[2])
    if maker.name.startswith("_rebuild_tensor"):
        return _tensor(*arguments)
    return Foreign(maker, arguments)


def _tensor(storage: Any, start: Any, shape: Any, strides: Any, *rest: Any) -> PickledTensor:
    """By torch's `_rebuild_tensor` and its two later versions, the last of which names a type."""
    named = [value for value in rest if isinstance(value, Global) and value.name in DTYPES]
    if max(len(shape), len(strides)) > MAX_DIMENSIONS:
        raise PickleError(f"a tensor has more than {MAX_DIMENSIONS} dimensions")
    numbers = (start, *shape, *strides)
    if (
        not isinstance(storage, Storage)
        or len(shape) != len(strides)
        or not all(isinstance(number, int) and 0 <= number < 2**62 for number in numbers)
    ):
        raise PickleError("a tensor is not described as torch does")
    dtype = DTYPES[named[0].name] if named else storage.dtype
    return PickledTensor(storage, dtype, start, tuple(shape), tuple(strides))
