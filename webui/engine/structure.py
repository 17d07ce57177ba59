"""How a model in memory is built just now, so that what an extension did to it is found as soon as its code has run.

Jobs share models: a hook that is left on a layer, another parameter in one's place or another `forward` would show in
the pictures of others. What is written into weights is refused at once (`read_only.py`).
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator
from typing import Any
from weakref import WeakSet

from torch import Tensor, nn

from webui.engine.model import LoadedModel
from webui.engine.packed.mapping import tensors_of


class Structure:
    """Of a model, as it was when this was made."""

    def __init__(self, model: LoadedModel) -> None:
        """Networks that leave the device's memory and come again have other parameters each time: these are not looked at."""
        self._layers = [
            _Layer(name, module, weights=model.apart is None)
            for network, whole in networks_of(model).items()
            for name, module in whole.named_modules(prefix=network)
        ]

    def change(self) -> str | None:
        """What is otherwise now, in words; None where all is as it was."""
        for layer in self._layers:
            if (what := layer.change()) is not None:
                return f"{what} {layer.name!r}"
        return None


class _Layer:
    """What is looked at of one module."""

    __slots__ = ("_forward", "_hooks", "_kind", "_module", "_parts", "_places", "_weights", "name")

    def __init__(self, name: str, module: nn.Module, *, weights: bool) -> None:
        self.name, self._module, self._kind = name, module, type(module)
        self._hooks = len(module._forward_hooks) + len(module._forward_pre_hooks)
        self._forward = vars(module).get("forward")
        self._parts = tuple(module._modules.values())
        own = [w for w in module._parameters.values() if w is not None] if weights else []
        self._weights = own
        """Held, so that no other one can take the place of one in memory."""
        self._places = [weight.data_ptr() for weight in own]

    def change(self) -> str | None:
        module = self._module
        if len(module._forward_hooks) + len(module._forward_pre_hooks) != self._hooks:
            return "other hooks on"
        if vars(module).get("forward") is not self._forward:
            return "another forward of"
        if not _same(self._parts, module._modules.values()):
            return "other layers in"
        # A layer that was opened, or packed, meanwhile is of another class.
        if self._weights and type(module) is self._kind and self._has_other_weights():
            return "other weights in"
        return None

    def _has_other_weights(self) -> bool:
        now = [weight for weight in self._module._parameters.values() if weight is not None]
        return not _same(self._weights, now) or self._places != [w.data_ptr() for w in now]


class Spoilt:
    """Models that an extension left otherwise than they were. Used from the engine's thread."""

    def __init__(self) -> None:
        self._networks: WeakSet[nn.Module] = WeakSet()
        self._untold: list[tuple[LoadedModel, str]] = []

    def note(self, model: LoadedModel, said: str) -> None:
        """Draw with none of its networks any more; `said` is why."""
        self._networks.update(networks_of(model).values())
        self._untold.append((model, said))

    def has(self, model: LoadedModel) -> bool:
        """Whether any of its networks is."""
        return bool(self._networks) and any(
            network in self._networks for network in networks_of(model).values()
        )

    def take(self) -> list[tuple[LoadedModel, str]]:
        """Those that were noted since the last call, with what is said of each."""
        untold, self._untold = self._untold, []
        return untold


def networks_of(model: LoadedModel) -> dict[str, nn.Module]:
    """The networks of a model, by what they are."""
    own: dict[str, Any] = {
        "unet": model.unet, "vae": model.vae, "text_encoder": model.text_encoder,
        "layout_encoder": model.layout_encoder,
    }  # fmt: skip
    own |= {f"network {i}": each for i, each in enumerate(model.networks)}
    found: dict[int, tuple[str, nn.Module]] = {}
    for name, each in own.items():
        if isinstance(each, nn.Module):
            found.setdefault(id(each), (name, each))
    return dict(found.values())


def tensors_of_model(model: LoadedModel) -> Iterator[Tensor]:
    """All that its networks compute with."""
    for network in networks_of(model).values():
        yield from tensors_of(network)


def _same(some: Collection[object], others: Collection[object]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))
