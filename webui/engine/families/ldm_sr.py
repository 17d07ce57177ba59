"""The superresolution of Rombach et al. 2022, section 4.4: a UNet without text, a VQ first stage.

The small picture has the size of the latent and stands beside it as three further input channels.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d import UNet2DModel
from torch import Tensor, nn

from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.families.parts import (
    load_part,
    noise_levels,
    part_folder,
    read_config,
)
from webui.engine.first_stage import decode_latents
from webui.engine.model import LoadedModel
from webui.engine.precision import compute_dtype
from webui.engine.previews import Projection
from webui.engine.shared_networks import Place, network_bytes

UNCHOSEN_SCALE = 0.18215
"""What diffusers writes into a VQModel's config where nobody has chosen a scale."""


def load(checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
    """Read a diffusers folder."""
    dtype = compute_dtype(place.device, checkpoint.dtype)
    vq_folder = part_folder(checkpoint, "vqvae")
    unet = load_part(
        UNet2DModel, part_folder(checkpoint, "unet"), place, by_content=False, torch_dtype=dtype
    )
    # In float32: distances to the codebook have no half-precision form on GPUs.
    vqvae = load_part(VQModel, vq_folder, place, torch_dtype=torch.float32)
    channels = int(vqvae.config.latent_channels)
    if int(unet.config.in_channels) != channels + 3:
        raise ValueError(
            f"its UNet takes {unet.config.in_channels} channels; {channels} of the latent and 3 of "
            "the small picture were expected."
        )
    _keep_precision(unet)
    scale = _scale(read_config(vq_folder, "config.json"))
    projection = Projection(lambda z: decode_latents(vqvae, z / scale), channels, place.device)
    scheduler = read_config(part_folder(checkpoint, "scheduler"), "scheduler_config.json")
    return LoadedModel(
        checkpoint=checkpoint,
        device=place.device,
        dtype=dtype,
        text_encoder=None,
        tokenize=None,
        frame=None,
        unet=unet,
        vae=vqvae,
        latent_scale=scale,
        latent_shift=0.0,
        levels=noise_levels(scheduler),
        bytes=network_bytes(unet, vqvae),
        projection=projection,
    )


def _scale(config: dict[str, Any]) -> float:
    """1 where nobody has chosen one, for diffusers' own pipeline does not scale."""
    scale = float(config.get("scaling_factor", 1.0))
    return 1.0 if scale == UNCHOSEN_SCALE else scale


# Any: diffusers' networks are typed loosely.
def _keep_precision(unet: Any) -> None:
    """Let the label's embedding, which UNet2DModel computes in float32, into half-precision layers."""
    if unet.config.class_embed_type == "timestep":
        unet.class_embedding.register_forward_pre_hook(_as_weights)


def _as_weights(module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    return (inputs[0].to(next(module.parameters()).dtype),)
