"""LoRAs merged into the weights of a network, on demand and exactly reversibly.

While merged, copies of the changed weights are kept; taking the changes away puts these back, so that nothing is ever
rounded twice and a model without LoRAs is the model of its files to the bit. Every change is one of the file's weights,
so that the order of LoRAs does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from webui.contracts.errors import JobFailed
from webui.engine.adapters.dialects import BIAS
from webui.engine.adapters.dialects.change import Change, fits
from webui.engine.adapters.dialects.scaling import ScalingOfBias
from webui.engine.adapters.lora import Patch, Patches, patch_key
from webui.engine.packed.late import LateWeight, opened
from webui.engine.packed.place import KeptWeight, WeightPlace


class _Parameter(WeightPlace):
    """A weight that is changed where it lies; a copy of the file's is kept meanwhile."""

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight
        self._before: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._weight.shape)

    def file_weight(self) -> Tensor:
        if self._before is None:
            self._before = self._weight.detach().clone()
        return self._before

    def put(self, weight: Tensor) -> None:
        self._weight.copy_(weight)

    def restore(self) -> None:
        if self._before is not None:
            self._weight.copy_(self._before)
            self._before = None


class _Late(WeightPlace):
    """The weight of a layer that is not opened before it is changed."""

    def __init__(self, layer: LateWeight) -> None:
        self._layer = layer
        self._shape = layer.shape
        self._found: WeightPlace | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape

    @property
    def _place(self) -> WeightPlace:
        if self._found is None:
            layer: Any = opened(cast("nn.Module", self._layer))
            self._found = layer if isinstance(layer, KeptWeight) else _Parameter(layer.weight)
        return self._found

    def file_weight(self) -> Tensor:
        return self._place.file_weight()

    def put(self, weight: Tensor) -> None:
        self._place.put(weight)

    def restore(self) -> None:
        self._place.restore()


_Wanted = dict[str, tuple[WeightPlace, list[tuple[Change, float]]]]
"""By name: where a weight is, and the changes of it with their strengths."""


class MergedWeights:
    """What is merged into networks at present; two models that have a network in common ask the same one."""

    def __init__(self) -> None:
        self._now: WeakKeyDictionary[nn.Module, object] = WeakKeyDictionary()
        """Patches of each network, as `patch_key` has them."""
        self._changed: WeakKeyDictionary[nn.Module, dict[str, WeightPlace]] = WeakKeyDictionary()
        """Of each, by name: the weights that are changed."""

    def use(self, part: str | tuple[str, ...], network: nn.Module, patches: Patches) -> None:
        """See that exactly these LoRAs are merged into a network, which they may call by several names.

        A failed merge leaves none in it; a LoRA that does not fit changes nothing.

        Raises:
            JobFailed: a LoRA is made for another network.
        """
        key = patch_key(patches)
        if self._now.get(network, ()) != key:
            parts = (part,) if isinstance(part, str) else part
            self._merge(network, _wanted(parts, network, patches), key)

    @torch.no_grad()
    def _merge(self, network: nn.Module, wanted: _Wanted, key: object) -> None:
        changed = self._changed.setdefault(network, {})
        for name in [name for name in changed if name not in wanted]:
            changed.pop(name).restore()
        self._now[network] = None  # neither the old ones nor the new
        try:
            for name, (found, changes) in wanted.items():
                place = changed.setdefault(name, found)
                place.put(_changed(place.file_weight(), changes))
        except BaseException:
            for place in changed.values():
                place.restore()
            changed.clear()
            self._now[network] = ()
            raise
        self._now[network] = key


def _changed(before: Tensor, changes: Sequence[tuple[Change, float]]) -> Tensor:
    """The weight with all its changes, float32."""
    total = before.to(torch.float32, copy=True)
    for change, share in changes:
        total.add_(change.change(before), alpha=share)
    return total


def _wanted(parts: tuple[str, ...], network: nn.Module, patches: Patches) -> _Wanted:
    """Weights to change, and the changes of each.

    Raises:
        JobFailed: a LoRA is made for another network.
    """
    places = weight_places(network) if patches else {}
    wanted: _Wanted = {}
    for lora, share in patches:
        for place, change in lora.changes.items():
            if place[0] not in parts:
                continue
            found = places.get(place[1])
            if found is None and isinstance(change, ScalingOfBias):
                continue
            if found is None or not fits(change, torch.Size(found.shape)):
                raise _misfit(lora, *place, found)
            if own := share * lora.share(place):
                wanted.setdefault(place[1], (found, []))[1].append((change, own))
    return wanted


def _misfit(lora: Patch, part: str, name: str, found: WeightPlace | None) -> JobFailed:
    shape = lora.changes[part, name].shape
    has = "has none" if found is None else f"has one of shape {found.shape}"
    return JobFailed(
        f"The LoRA {lora.info.id!r} is made for another model: it changes a weight {name!r} of shape "
        f"{shape} in the {part}, and this model {has}. Take it out, or choose the model that it was "
        "trained on."
    )


def weight_places(network: nn.Module) -> dict[str, WeightPlace]:
    """Weights and biases of the layers that a LoRA can change, by name joined by underscores; a bias's ends with BIAS."""
    found: dict[str, WeightPlace] = {}
    for dotted, module in network.named_modules():
        if not isinstance(module, (nn.Linear, nn.Conv2d, nn.LayerNorm, nn.GroupNorm)):
            continue
        name = dotted.replace(".", "_").removeprefix("text_model_")
        if isinstance(module, KeptWeight):
            found[name] = module
        elif isinstance(module, LateWeight):
            found[name] = _Late(module)
        elif module.weight is not None:  # a norm may have none
            found[name] = _Parameter(module.weight)
        if module.bias is not None:
            found[name + BIAS] = _Parameter(module.bias)
    return found
