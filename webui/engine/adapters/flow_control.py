"""Controlnets of transformers: what they say is added behind the transformer's blocks, token by token.

Each family has a file of its own, which loads one and asks it (`flux_control.py`, `sd3_control.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.engine.adapters.controlnet import Inputs
from webui.engine.families.parts import ready
from webui.engine.packed.on_processor import quicken
from webui.engine.precision import compute_dtype
from webui.engine.shared_networks import Place, network_bytes

if TYPE_CHECKING:  # it imports this file
    from webui.engine.adapters.control import Control

PATCH = 2
"""Latent cells along a side of a token, in all families."""
Said = dict[str, list[Tensor]]
"""By the transformer's argument: what is added behind each of its blocks, (R, tokens, D)."""


@dataclass(frozen=True)
class FlowFamily:
    """How the controlnets of a family work."""

    title: str
    # Any: diffusers' configs are typed loosely.
    widths: Callable[[Any], tuple[object, ...]]
    """What a controlnet and its transformer have in common, of the config of either; empty of other networks."""
    says: Callable[[LoadedFlowControl, nn.Module, Inputs, Tensor, str], Said]
    """Of pictures (R, C, h * factor, w * factor), of this kind where it is a union."""


@dataclass(frozen=True, eq=False)
class LoadedFlowControl:
    """A controlnet of a transformer in memory."""

    info: AdapterInfo
    # Any: diffusers' class.
    net: Any
    family: FlowFamily
    dtype: torch.dtype
    factor: int
    """Cells of what it is shown per latent cell along a side: 1 where that is a latent itself, of its picture."""
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""

    @property
    def reads_latents(self) -> bool:
        """Whether it is shown its picture as the model's first stage encodes it."""
        return self.factor == 1

    @property
    def is_unshifted(self) -> bool:
        """Whether latents are only scaled for it, and not shifted."""
        return self.is_told_no_pooled and not self.reads_mask

    @property
    def is_told_no_pooled(self) -> bool:
        """Whether it is told zeros in place of the text as a whole."""
        return self.reads_mask or bool(
            self.net.config.get("force_zeros_for_pooled_projection", False)
        )

    @property
    def reads_mask(self) -> bool:
        """Whether it is shown, beside a latent without what is redrawn, how much of each cell stays."""
        return bool(self.net.config.get("extra_conditioning_channels", 0))

    def check_fits(self, unet: nn.Module, latent_channels: int) -> None:  # noqa: ARG002 - as a controlnet's
        """See that it can steer this transformer.

        Raises:
            JobFailed: it is made for another.
        """
        own, wanted = (self.family.widths(each.config) for each in (self.net, unet))
        if not wanted:
            raise JobFailed(
                f"The controlnet {self.info.id!r} steers the transformer of {self.family.title}, and this model has "
                "none. Take it out, or choose the model that it was trained on."
            )
        # One that reads no text has None there.
        if any(a is not None and a != b for a, b in zip(own, wanted, strict=True)):
            raise JobFailed(
                f"The controlnet {self.info.id!r} is made for another model: the widths of its tokens, latents and text "
                f"are {own}, those of this model are {wanted}. Take it out, or choose the model that it was trained on."
            )


# Any: diffusers' class.
def loaded_flow_control(
    info: AdapterInfo, net: Any, family: FlowFamily, device: torch.device
) -> LoadedFlowControl:
    """A controlnet of diffusers made ready on its device."""
    net = ready(net, Place(device))
    size = network_bytes(net)
    quicken(net)
    hint = getattr(net, "input_hint_block", None)
    factor = 1 if hint is None else 2 ** sum(conv.stride[0] == 2 for conv in hint.blocks)
    return LoadedFlowControl(info, net, family, compute_dtype(device), factor, size)


def spread(said: Sequence[Tensor] | None, blocks: int, *, in_turn: bool = False) -> list[Tensor]:
    """What is added behind each of so many blocks, where a controlnet has fewer.

    Each of its own answers for some that follow one another, or with `in_turn` they take turns.
    """
    if not said:
        return []
    each = -(-blocks // len(said))
    return [said[i % len(said) if in_turn else i // each] for i in range(blocks)]


def flow_residuals(
    controls: Sequence[Sequence[Control]], rows: Sequence[int], inputs: Inputs, unet: nn.Module
) -> Said:
    """What the controlnets of transformers of some works say together, as arguments of the transformer.

    Args:
        controls: Of each work; the n-th of all works have one network.
        rows: Of each work.
        inputs: Of all rows.
        unet: The transformer.
    """
    given: Said = {}
    for same in zip(*controls, strict=True):
        net = same[0].net
        if not isinstance(net, LoadedFlowControl):
            continue
        hints = torch.cat([c.hint.expand(n, -1, -1, -1) for c, n in zip(same, rows, strict=True)])
        share = _shares(same, rows, inputs.x)
        for name, said in net.family.says(net, unet, inputs, hints, same[0].kind).items():
            weighed = [(each * share.to(each.dtype)).to(inputs.x.dtype) for each in said]
            before = given.get(name) or [torch.zeros_like(each) for each in weighed]
            if weighed:
                given[name] = [a + b for a, b in zip(before, weighed, strict=True)]
    return given


def _shares(controls: Sequence[Control], rows: Sequence[int], x: Tensor) -> Tensor:
    """How much is said counts, (R, 1 or tokens, 1)."""
    height, width = (-(-side // PATCH) for side in x.shape[-2:])
    shares = []
    for control, count in zip(controls, rows, strict=True):
        share = x.new_full((1, 1, height, width), control.weight, dtype=torch.float32)
        if control.mask is not None:
            share = share * functional.adaptive_avg_pool2d(control.mask.to(share), (height, width))
        shares.append(share.flatten(2).mT.expand(count, -1, -1))
    return torch.cat(shares)
