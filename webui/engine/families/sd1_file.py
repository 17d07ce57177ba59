"""Stable Diffusion 1 and 2 from a single file in the original layout.

What the file does not say (heads of attention, noise schedule, scale of latents, vocabulary) is that of the
published models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.denoisers import NoiseLevels
from webui.engine.families import x4_upscaler
from webui.engine.families.clip_parts import token_frame
from webui.engine.families.parts import FileParts, fitted_first_stage, noise_levels
from webui.engine.families.sd1_parts import StableDiffusionParts
from webui.engine.families.told_guidance import TellableUNet
from webui.engine.families.unclip import variations_of_file
from webui.engine.ldm_layout.first_stage import read_first_stage
from webui.engine.ldm_layout.text_encoder import read_clip, read_open_clip
from webui.engine.ldm_layout.unet import Vector, read_unet
from webui.engine.shared_networks import Place
from webui.engine.small_picture import SmallPictureNoise
from webui.engine.weights import Weights, open_weights
from webui.prompt.clip_vocabulary import clip_vocabulary
from webui.weights.ldm_heads import Heads

SCALE = 0.18215
BETAS: dict[str, object] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
}
ZERO_SNR = "ztsnr"
"""A tensor of this name says that the noise schedule ends in pure noise (as trainers of v models write)."""


@dataclass(frozen=True)
class Original:
    """What a published version has and its files do not say."""

    heads: Heads
    text: str
    """Prefix of the text encoder."""
    read_text: Callable[[Mapping[str, Tensor]], CLIPTextModel]
    padding: int | None = None
    """Token behind a text; None for the end token."""
    scale: float = SCALE
    betas: Mapping[str, object] = field(default_factory=lambda: BETAS)
    small_noise: SmallPictureNoise | None = None
    """Of one that enlarges."""
    vector: Vector = "text and sizes"
    """What it is told in a vector beside the timestep, if it is."""


ORIGINALS: Mapping[str, Original] = {
    "1.x": Original(Heads(count=8), "cond_stage_model.transformer.", read_clip),
    "2.x": Original(Heads(width=64), "cond_stage_model.model.", read_open_clip, padding=0),
    "unclip": Original(
        Heads(width=64), "cond_stage_model.model.", read_open_clip, padding=0, vector="picture"
    ),
    "x4": Original(
        Heads(count=8), "cond_stage_model.model.", read_open_clip, padding=0,
        scale=x4_upscaler.SCALE, betas=x4_upscaler.BETAS, small_noise=x4_upscaler.published_noise(),
    ),
}  # fmt: skip
"""By `CheckpointInfo.variant`."""


def parts_of_file(
    checkpoint: CheckpointInfo, place: Place, dtype: torch.dtype
) -> StableDiffusionParts:
    """Read the file.

    Raises:
        ValueError: weights are missing, or of other shapes than the network's.
        EaselError: the file cannot be read.
    """
    original = ORIGINALS.get(checkpoint.variant)
    if original is None:
        raise ValueError(
            f"its variant is {checkpoint.variant!r}; known are {', '.join(ORIGINALS)}."
        )
    weights = open_weights(Path(checkpoint.path))
    parts = FileParts(checkpoint, place, dtype)
    unet = parts.network(
        "unet",
        lambda: read_unet(
            weights.stored_below("model.diffusion_model."),
            original.heads,
            TellableUNet,
            original.vector,
        ),
        by_content=False,
    )
    vae = parts.network("vae", lambda: read_first_stage(weights.below("first_stage_model.")))
    encoder = parts.network(
        "text_encoder", lambda: original.read_text(weights.below(original.text))
    )
    tokenizer = known_clip_tokenizer()
    frame = token_frame(tokenizer, int(encoder.config.max_position_embeddings))
    if original.padding is not None:
        frame = replace(frame, padding=original.padding)
    return StableDiffusionParts(
        unet=unet,
        first_stage=fitted_first_stage(vae, place.device, original.scale),
        text_encoder=encoder,
        tokenizer=tokenizer,
        frame=frame,
        levels=_levels(checkpoint, weights, original.betas),
        small_noise=original.small_noise,
        variations=variations_of_file(parts, weights) if original.vector == "picture" else None,
    )


@cache
def known_clip_tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer for all models that have it: made once, which takes a fifth of a second; not to be changed."""
    return clip_tokenizer()


def clip_tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer, of the vocabulary that comes along; a new one."""
    vocabulary = clip_vocabulary()
    make: Any = CLIPTokenizer  # its declared types leave out what it takes
    tokenizer: CLIPTokenizer = make(vocab=vocabulary.words, merges=vocabulary.merges)
    return tokenizer


def _levels(
    checkpoint: CheckpointInfo, weights: Weights, betas: Mapping[str, object]
) -> NoiseLevels:
    return noise_levels(
        {
            **betas,
            "prediction_type": checkpoint.prediction,
            "rescale_betas_zero_snr": ZERO_SNR in weights,
        }
    )
