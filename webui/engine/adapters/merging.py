"""LoRAs merged into the weights of a network, on demand and exactly reversibly.

While merged, copies of the changed weights are kept; taking the changes away puts these back, so that nothing is ever
rounded twice and a model without LoRAs is the model of its files to the bit. Every change is one of the file's weights,
so that the order of LoRAs does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from webui.contracts.errors import JobFailed
from webui.engine.adapters.dialects import BIAS
from webui.engine.adapters.dialects.change import Change, fits
from webui.engine.adapters.lora import LoadedLora, Patches, patch_key

_Wanted = dict[str, tuple[Tensor, list[tuple[Change, float]]]]
"""By name: a weight, and the changes of it with their strengths."""


class MergedWeights:
    """What is merged into networks at present; two models that have a network in common ask the same one."""

    def __init__(self) -> None:
        self._now: WeakKeyDictionary[nn.Module, object] = WeakKeyDictionary()
        """Patches of each network, as `patch_key` has them."""
        self._kept: WeakKeyDictionary[nn.Module, dict[str, tuple[Tensor, Tensor]]] = (
            WeakKeyDictionary()
        )
        """Of each, by name: a weight that is changed, and its copy from before."""

    @torch.no_grad()
    def use(self, part: str, network: nn.Module, patches: Patches) -> None:
        """See that exactly these LoRAs are merged into a network.

        A failed merge leaves none in it; a LoRA that does not fit changes nothing.

        Raises:
            JobFailed: a LoRA is made for another network.
        """
        key = patch_key(patches)
        if self._now.get(network, ()) == key:
            return
        wanted = _wanted(part, network, patches)
        kept = self._kept.setdefault(network, {})
        for name in [name for name in kept if name not in wanted]:
            weight, before = kept.pop(name)
            weight.copy_(before)
        self._now[network] = None  # neither the old ones nor the new
        try:
            for name, (weight, changes) in wanted.items():
                _, before = kept.setdefault(name, (weight, weight.detach().clone()))
                weight.copy_(_changed(before, changes))
        except BaseException:
            for weight, before in kept.values():
                weight.copy_(before)
            kept.clear()
            self._now[network] = ()
            raise
        self._now[network] = key


def _changed(before: Tensor, changes: Sequence[tuple[Change, float]]) -> Tensor:
    """The weight with all its changes, float32."""
    total = before.to(torch.float32, copy=True)
    for change, share in changes:
        total.add_(change.change(before), alpha=share)
    return total


def _wanted(part: str, network: nn.Module, patches: Patches) -> _Wanted:
    """Weights to change, and the changes of each.

    Raises:
        JobFailed: a LoRA is made for another network.
    """
    weights = _weights(network) if patches else {}
    wanted: _Wanted = {}
    for lora, share in patches:
        for place, change in lora.changes.items():
            if place[0] != part:
                continue
            weight = weights.get(place[1])
            if weight is None or not fits(change, weight.shape):
                raise _misfit(lora, part, place[1], weight)
            if own := share * lora.share(place):
                wanted.setdefault(place[1], (weight, []))[1].append((change, own))
    return wanted


def _misfit(lora: LoadedLora, part: str, name: str, weight: Tensor | None) -> JobFailed:
    shape = lora.changes[part, name].shape
    has = "has none" if weight is None else f"has one of shape {tuple(weight.shape)}"
    return JobFailed(
        f"The LoRA {lora.info.id!r} is made for another model: it changes a weight {name!r} of shape "
        f"{shape} in the {part}, and this model {has}. Take it out, or choose the model that it was "
        "trained on."
    )


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """Weights and biases of the layers that a LoRA can change, by name joined by underscores."""
    found: dict[str, Tensor] = {}
    for dotted, module in network.named_modules():
        if not isinstance(module, (nn.Linear, nn.Conv2d, nn.LayerNorm, nn.GroupNorm)):
            continue
        name = dotted.replace(".", "_").removeprefix("text_model_")
        if module.weight is not None:  # a norm may have none
            found[name] = module.weight
        if module.bias is not None:
            found[name + BIAS] = module.bias
    return found
