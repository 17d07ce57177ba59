"""SDXL from a single file in the original layout.

What the file does not say (heads of attention, noise schedule, scale of latents, vocabulary) is that of the
published models.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.lora_keys import TEXT, TEXT_2
from webui.engine.clip import ClipTower
from webui.engine.families.clip_parts import token_frame, token_ids
from webui.engine.families.parts import fitted_first_stage, noise_levels, ready
from webui.engine.families.sd1_file import BETAS, ZERO_SNR, clip_tokenizer
from webui.engine.families.sdxl_parts import XlParts
from webui.engine.ldm_layout.first_stage import read_first_stage
from webui.engine.ldm_layout.text_encoder import read_clip, read_open_clip_with_projection
from webui.engine.ldm_layout.unet import read_unet
from webui.engine.weights import Weights, open_weights
from webui.weights.ldm_heads import Heads
from webui.weights.ldm_unet import UNET
from webui.weights.signatures.sdxl import BASE, FIRST_TEXT, SECOND_TEXT
from webui.weights.signatures.stable_diffusion import FIRST_STAGE

SCALE = 0.13025
HEADS = Heads(width=64)
SECOND_PADDING = 0
"""Token behind a text of the second encoder."""


def parts_of_file(
    checkpoint: CheckpointInfo,
    device: torch.device,
    dtype: torch.dtype,
    kind: type[UNet2DConditionModel],
) -> XlParts:
    """Read the file; `kind` is what its denoising network becomes.

    Raises:
        ValueError: weights are missing, or of other shapes than the network's.
        EaselError: the file cannot be read.
    """
    weights = open_weights(Path(checkpoint.path))
    unet = read_unet(weights.stored_below(UNET), HEADS, kind)
    vae: Any = read_first_stage(weights.below(FIRST_STAGE))
    vae.register_to_config(scaling_factor=SCALE)
    scheduler = {
        "prediction_type": checkpoint.prediction,
        "rescale_betas_zero_snr": ZERO_SNR in weights,
    }
    return XlParts(
        unet=ready(unet, device, dtype),
        first_stage=fitted_first_stage(ready(vae, device, dtype), device),
        towers=_towers(checkpoint, weights, device, dtype),
        levels=noise_levels(BETAS | scheduler),
        zeroes_empty_negative=True,
    )


def _towers(
    checkpoint: CheckpointInfo, weights: Weights, device: torch.device, dtype: torch.dtype
) -> tuple[ClipTower, ...]:
    tokenizer = clip_tokenizer()
    second = read_open_clip_with_projection(weights.below(SECOND_TEXT[checkpoint.variant]))
    frame = token_frame(tokenizer, int(second.config.max_position_embeddings))

    def tower(encoder: Any, part: str, padding: int) -> ClipTower:
        return ClipTower(
            ready(encoder, device, dtype),
            lambda text: token_ids(tokenizer, text),
            replace(frame, padding=padding),
            part,
            least_skip=2,
            normalised=False,
        )

    last = tower(second, TEXT_2, SECOND_PADDING)
    if checkpoint.variant != BASE:
        return (last,)
    return tower(read_clip(weights.below(FIRST_TEXT)), TEXT, frame.padding), last
