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
from webui.engine.families.parts import FileParts, fitted_first_stage, noise_levels
from webui.engine.families.sd1_file import BETAS, ZERO_SNR, clip_tokenizer
from webui.engine.families.sdxl_parts import XlParts
from webui.engine.ldm_layout.first_stage import read_first_stage
from webui.engine.ldm_layout.text_encoder import read_clip, read_open_clip_with_projection
from webui.engine.ldm_layout.unet import read_unet
from webui.engine.published_levels import STABLE_DIFFUSION_XL
from webui.engine.shared_networks import Place
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
    place: Place,
    dtype: torch.dtype,
    kind: type[UNet2DConditionModel],
) -> XlParts:
    """Read the file; `kind` is what its denoising network becomes.

    Raises:
        ValueError: weights are missing, or of other shapes than the network's.
        EaselError: the file cannot be read.
    """
    weights = open_weights(Path(checkpoint.path))
    parts = FileParts(checkpoint, place, dtype)
    vae = parts.network("vae", lambda: read_first_stage(weights.below(FIRST_STAGE)))
    scheduler = {
        "prediction_type": checkpoint.prediction,
        "rescale_betas_zero_snr": ZERO_SNR in weights,
    }
    return XlParts(
        unet=parts.network(
            "unet", lambda: read_unet(weights.stored_below(UNET), HEADS, kind), by_content=False
        ),
        first_stage=fitted_first_stage(vae, place.device, SCALE),
        towers=_towers(parts, weights),
        levels=noise_levels(BETAS | scheduler, STABLE_DIFFUSION_XL),
        zeroes_empty_negative=checkpoint.variant == BASE,  # as the published folders say
    )


def _towers(parts: FileParts, weights: Weights) -> tuple[ClipTower, ...]:
    tokenizer = clip_tokenizer()
    variant = parts.checkpoint.variant
    second = parts.network(
        TEXT_2, lambda: read_open_clip_with_projection(weights.below(SECOND_TEXT[variant]))
    )
    frame = token_frame(tokenizer, int(second.config.max_position_embeddings))

    def tower(encoder: Any, part: str, padding: int) -> ClipTower:
        return ClipTower(
            encoder,
            lambda text: token_ids(tokenizer, text),
            replace(frame, padding=padding),
            part,
            least_skip=2,
            normalised=False,
        )

    last = tower(second, TEXT_2, SECOND_PADDING)
    if variant != BASE:
        return (last,)
    first = parts.network(TEXT, lambda: read_clip(weights.below(FIRST_TEXT)))
    return tower(first, TEXT, frame.padding), last
