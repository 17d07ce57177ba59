"""What steers a prediction by a picture, controlnets, T2I-Adapters and IP-Adapters: loaded alike, and added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from webui.contracts.adapter import AdapterInfo, Transformer
from webui.contracts.conditions import BALANCED
from webui.engine.adapters.control_lora import (
    LoadedControlLora,
    is_control_lora_file,
    load_control_lora,
)
from webui.engine.adapters.control_modes import connection_shares, level_shares, steers
from webui.engine.adapters.controlnet import Inputs, LoadedControl, load_control, says
from webui.engine.adapters.flow_control import LoadedFlowControl
from webui.engine.adapters.flux_control import load_flux_control
from webui.engine.adapters.flux_ip_adapter import behind_the_blocks, load_flux_ip_adapter
from webui.engine.adapters.ip_adapter import (
    LoadedIpAdapter,
    PicturePrompt,
    beside_the_text,
    load_ip_adapter,
)
from webui.engine.adapters.sd3_control import load_sd3_control
from webui.engine.adapters.style_adapter import LoadedStyleAdapter, load_style_adapter
from webui.engine.adapters.t2i_adapter import LoadedT2iAdapter, load_t2i_adapter

Steerer = (
    LoadedControl | LoadedFlowControl | LoadedT2iAdapter | LoadedIpAdapter | LoadedStyleAdapter
)
"""What steers a denoising network."""
Unit = Steerer | LoadedControlLora
"""What a unit of control may name: what steers, or becomes that over a model's UNet."""


@dataclass(frozen=True, eq=False)
class Control:
    """A controlnet, T2I-Adapter or IP-Adapter at work in a prediction."""

    net: Steerer
    hint: Tensor
    """(1, 3, h * factor, w * factor) in [0, 1]; the same for all rows. Of a controlnet that is shown latents its picture's, (1, C,
    h, w). Of an IP-Adapter, (2, T, D): what an image encoder
    says of the picture, and in its place for the negative prompt."""
    weight: float
    """What its say is multiplied by."""
    kind: str = ""
    """What kind of picture a union is shown."""
    mask: Tensor | None = None
    """(1, 1, h, w), of the latent's cells, 0 to 1: how much of its say counts there; None: all of it everywhere."""
    mode: str = BALANCED
    """Which counts more, the prompt or this."""


_FLOW: Mapping[Transformer, Callable[[AdapterInfo, torch.device], LoadedFlowControl]] = {
    "flux": load_flux_control, "sd3": load_sd3_control,
}  # fmt: skip


def load_steerer(info: AdapterInfo, device: torch.device) -> Unit:
    """Read what an adapter of kind 'controlnet' is.

    Raises:
        BrokenModel: a file is missing, damaged or of impossible shapes.
    """
    if info.is_style_adapter:
        return load_style_adapter(info, device)
    if info.is_ip_adapter:
        return (load_flux_ip_adapter if info.network == "flux" else load_ip_adapter)(info, device)
    if info.network is not None:
        return _FLOW[info.network](info, device)
    if is_control_lora_file(info):
        return load_control_lora(info, device)
    return load_t2i_adapter(info, device) if info.is_t2i else load_control(info, device)


def residuals(
    controls: Sequence[Sequence[Control]],
    negative: Sequence[Sequence[bool]],
    inputs: Inputs,
    dtype: torch.dtype,
    reuses: bool,
) -> dict[str, Any]:
    """What the controls of some works say together, as arguments of the UNet.

    Args:
        controls: Of each work; the n-th of all works have one network.
        negative: Of each work, for each row, whether it is the negative prompt's.
        inputs: Of all rows.
        dtype: The UNet's.
        reuses: Whether only its last layer is computed: of all that is added, the first connection is awake.
    """
    down: list[Tensor] = []  # what is added to the connections, (R, C_i, h_i, w_i) each
    middle: Tensor | None = None
    within: list[Tensor] = []  # what is added in the blocks of the encoder
    rows = [len(flags) for flags in negative]
    for same in zip(*controls, strict=True):
        net = same[0].net
        if isinstance(net, (LoadedIpAdapter, LoadedFlowControl, LoadedStyleAdapter)):
            continue  # see `picture_prompts`, `flow_residuals` and `styled`
        masks = _masks(same, rows, inputs.x)
        if isinstance(net, LoadedT2iAdapter):
            if not reuses:
                features = _features(net, same, rows)
                within = _sum(within, _weighed(features, same, negative, level_shares, masks))
            continue
        hints = [c.hint.expand(count, -1, -1, -1) for c, count in zip(same, rows, strict=True)]
        said, mid = says(net, inputs, torch.cat(hints), same[0].kind)
        *said, mid = _weighed([*said, mid], same, negative, connection_shares, masks)
        down = _sum(down, said)
        middle = mid if middle is None else middle + mid
    given: dict[str, Any] = {}
    if middle is not None:
        if reuses:
            nothing = middle.new_zeros(())
            down, middle = [down[0], *[nothing for _ in down[1:]]], nothing
        given["down_block_additional_residuals"] = [each.to(dtype) for each in down]
        given["mid_block_additional_residual"] = middle.to(dtype)
    if within:
        given["down_intrablock_additional_residuals"] = [each.to(dtype) for each in within]
    return given


def picture_prompts(
    controls: Sequence[Sequence[Control]], negative: Sequence[Sequence[bool]], x: Tensor
) -> list[PicturePrompt]:
    """The IP-Adapters of some works, for all their rows.

    Args:
        controls: Of each work; the n-th of all works have one network.
        negative: Of each work, for each row, whether it is the negative prompt's.
        x: (R, C, h, w), what the UNet is shown of all rows.
    """
    rows = [len(flags) for flags in negative]
    prompts = []
    for same in zip(*controls, strict=True):
        net = same[0].net
        if not isinstance(net, LoadedIpAdapter):
            continue
        tokens = [
            net.tokens(control.hint)[[int(each) for each in flags]]
            for control, flags in zip(same, negative, strict=True)
        ]
        weights = [c.weight for c, flags in zip(same, negative, strict=True) for _ in flags]
        joined = torch.cat(tokens)
        shares = joined.new_tensor(weights).view(-1, 1, 1)
        prompts.append(PicturePrompt(net, joined, shares, _masks(same, rows, x)))
    return prompts


@contextmanager
def looking_at_pictures(unet: nn.Module, prompts: Sequence[PicturePrompt]) -> Iterator[None]:
    """Within the block a denoising network looks at the pictures of IP-Adapters too."""
    of_flux = [prompt for prompt in prompts if prompt.net.info.network == "flux"]
    others = [prompt for prompt in prompts if prompt.net.info.network is None]
    with beside_the_text(unet, others), behind_the_blocks(unet, of_flux):
        yield


def _masks(controls: Sequence[Control], rows: Sequence[int], x: Tensor) -> Tensor | None:
    """Masks for all rows, (R, 1, h, w); None where none of the works has one."""
    if all(control.mask is None for control in controls):
        return None
    whole = x.new_ones(1, 1, *x.shape[-2:])
    each = [whole if control.mask is None else control.mask.to(whole) for control in controls]
    return torch.cat([m.expand(n, -1, -1, -1) for m, n in zip(each, rows, strict=True)])


def _there(said: Tensor, masks: Tensor | None) -> Tensor:
    """What is said (R, C, h, w), where it counts."""
    if masks is None:
        return said
    height, width = said.shape[-2:]
    return said * functional.adaptive_avg_pool2d(masks, (height, width)).to(said.dtype)


def _features(
    net: LoadedT2iAdapter, controls: Sequence[Control], rows: Sequence[int]
) -> list[Tensor]:
    """Features of each work's picture, for each of its rows."""
    found = [net.features(control.hint) for control in controls]
    return [
        torch.cat([f.expand(count, -1, -1, -1) for f, count in zip(level, rows, strict=True)])
        for level in zip(*found, strict=True)
    ]


def _weighed(
    said: Sequence[Tensor],
    controls: Sequence[Control],
    negative: Sequence[Sequence[bool]],
    shares: Callable[[str, int], Sequence[float]],
    masks: Tensor | None,
) -> list[Tensor]:
    """What a network says at each place, (R, C_i, h_i, w_i), times how much it counts there in each row and cell."""
    rows = [
        [c.weight * steers(c.mode, flag) * share for share in shares(c.mode, len(said))]
        for c, flags in zip(controls, negative, strict=True)
        for flag in flags
    ]
    weights = torch.tensor(rows, device=said[0].device, dtype=said[0].dtype)  # (R, places)
    return [
        _there(each, masks) * weights[:, place].view(-1, 1, 1, 1) for place, each in enumerate(said)
    ]


def _sum(before: Sequence[Tensor], more: Sequence[Tensor]) -> list[Tensor]:
    """Of features that may end at different levels."""
    if len(before) < len(more):
        before, more = more, before
    return [a + more[i] if i < len(more) else a for i, a in enumerate(before)]
