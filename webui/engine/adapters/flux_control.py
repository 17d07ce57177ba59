"""Controlnets of FLUX: InstantX's and Shakker Labs', which are shown a latent, and XLabs', which read the picture itself.

A union is told the kind of its picture by a token before the text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from webui.contracts.adapter import AdapterInfo
from webui.contracts.union_kinds import FLUX_KINDS, type_of
from webui.engine.adapters.controlnet import Inputs
from webui.engine.adapters.flow_control import (
    PATCH,
    FlowFamily,
    LoadedFlowControl,
    Said,
    loaded_flow_control,
    spread,
)
from webui.engine.damage import told_as_damage
from webui.engine.families.denoiser_file import made_of
from webui.engine.families.parts import read_diffusers
from webui.engine.families.patches import patch_places, whole_patches
from webui.engine.flow_layout.controls import flux_control
from webui.engine.precision import compute_dtype
from webui.engine.weights import open_weights

USUAL_GUIDANCE = 3.5
"""What one that is told a scale is told where the model is not (schnell)."""


def load_flux_control(info: AdapterInfo, device: torch.device) -> LoadedFlowControl:
    """Read one: diffusers' folder, or a single file of either layout.

    Raises:
        BrokenModel: a file is missing, damaged or of impossible shapes.
    """
    # With the first one: diffusers takes seconds to import.
    from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel  # noqa: PLC0415

    dtype, path = compute_dtype(device), Path(info.path)
    with told_as_damage(f"The controlnet {info.id!r}", info.path):
        if path.is_dir():
            net: Any = read_diffusers(FluxControlNetModel, path, dtype)
        else:
            file = open_weights(path)
            config, named = flux_control({name: file[name].to(dtype, copy=True) for name in file})
            net = made_of(FluxControlNetModel, config, named)
    return loaded_flow_control(info, net, FAMILY, device)


# Any: diffusers' configs are typed loosely.
def _widths(config: Any) -> tuple[object, ...]:
    if config.get("axes_dims_rope") is None:
        return ()
    width = config["num_attention_heads"] * config["attention_head_dim"]
    names = ("in_channels", "joint_attention_dim", "pooled_projection_dim")
    return (width, *(config[name] for name in names))


def _says(
    loaded: LoadedFlowControl, unet: nn.Module, inputs: Inputs, hints: Tensor, kind: str
) -> Said:
    net, dtype, transformer = loaded.net, loaded.dtype, unet
    assert inputs.pooled is not None
    whole = whole_patches(inputs.x, PATCH).to(dtype)
    rows, columns = (side // PATCH for side in whole.shape[-2:])
    if loaded.reads_latents:
        shown = _packed(whole_patches(hints, PATCH).to(dtype))
    else:
        # What its layers make of a picture is cut into patches as a latent is; its pixels are -1 to 1.
        shown = whole_patches(hints * 2 - 1, PATCH * loaded.factor).to(dtype)
    double, single = net(
        hidden_states=_packed(whole),
        controlnet_cond=shown,
        controlnet_mode=_modes(loaded, kind, hints),
        encoder_hidden_states=inputs.tokens.to(dtype),
        pooled_projections=inputs.pooled.to(dtype),
        timestep=inputs.t / 1000,
        img_ids=patch_places(rows, columns, whole),
        txt_ids=whole.new_zeros(inputs.tokens.shape[1], 3),
        guidance=_guidance(loaded, inputs),
        return_dict=False,
    )
    blocks: Any = transformer
    return {
        "controlnet_block_samples": spread(
            double, len(blocks.transformer_blocks), in_turn=not loaded.reads_latents
        ),
        "controlnet_single_block_samples": spread(single, len(blocks.single_transformer_blocks)),
    }


def _packed(latent: Tensor) -> Tensor:
    """(R, tokens, 4 C)."""
    return functional.pixel_unshuffle(latent, PATCH).flatten(2).mT


def _modes(loaded: LoadedFlowControl, kind: str, hints: Tensor) -> Tensor | None:
    if not loaded.info.kinds:
        return None
    number = type_of(kind, FLUX_KINDS)
    return torch.full((len(hints), 1), number, dtype=torch.long, device=hints.device)


def _guidance(loaded: LoadedFlowControl, inputs: Inputs) -> Tensor | None:
    if not loaded.net.config.guidance_embeds:
        return None
    return torch.full_like(inputs.t, USUAL_GUIDANCE) if inputs.label is None else inputs.label


FAMILY = FlowFamily("FLUX", _widths, _says)
