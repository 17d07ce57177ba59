"""Loads the papers' own models: from one file in the original layout, with the numbers that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.vq_model import VQModel
from torch import Tensor, nn

from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.conditioners import Conditioners, MaskInput
from webui.engine.denoisers import EPSILON, NoiseLevels
from webui.engine.families.ldm.bert import BertEmbedder
from webui.engine.families.ldm.layout import LayoutReader
from webui.engine.families.parts import FileParts, noise_levels
from webui.engine.first_stage import decode_latents
from webui.engine.ldm_layout.first_stage import read_first_stage
from webui.engine.ldm_layout.unet import read_unet
from webui.engine.model import LoadedModel
from webui.engine.precision import compute_dtype
from webui.engine.previews import Projection
from webui.engine.shared_networks import Place, network_bytes
from webui.engine.weights import Weights, open_weights
from webui.prompt.word_pieces import read_word_pieces
from webui.weights.ldm_first_stage import PREFIX as FIRST_STAGE
from webui.weights.ldm_unet import UNET
from webui.weights.ldm_zoo import Released, released
from webui.weights.signatures.ldm import CLASSES, CONDITION, MAPPER, VOCABULARY

AVERAGED = "model_ema."
CODEBOOK = "quantize."
ALPHAS, SCALE = "alphas_cumprod", "scale_factor"
"""Buffers that may be in the file: the noise schedule, and a scale that was measured in training."""
MASKS = MaskInput(hidden=-1.0, outside=-1.0, mask_first=False)
"""The masked picture is black where it is missing; the mask stands last and is -1 or 1."""


def load(checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
    """Read a file in the original layout."""
    weights = open_weights(Path(checkpoint.path))
    like = released(checkpoint.variant)
    if like is None:
        raise ValueError(f"its variant is {checkpoint.variant!r}, which was not released")
    device = place.device
    dtype = compute_dtype(device, checkpoint.dtype)
    parts = FileParts(checkpoint, place, dtype)
    unet = parts.network(
        "unet", lambda: read_unet(denoiser_weights(weights), like.heads), by_content=False
    )
    stage = _first_stage(weights, parts)
    words = _word_encoder(weights, parts)
    reader = None
    if words is not None and checkpoint.task == "layout":
        reader, words = LayoutReader(words, len(checkpoint.classes)), None
    vocabulary = checkpoint.part("tokenizer")
    pieces = None if vocabulary is None else read_word_pieces(Path(vocabulary) / VOCABULARY)
    scale = float(weights[SCALE]) if SCALE in weights else like.scale
    channels = checkpoint.latent_channels
    projection = Projection(lambda z: decode_latents(stage, z / scale), channels, device)
    networks = [n for n in (unet, stage, words, reader) if n is not None]
    return LoadedModel(
        checkpoint=checkpoint,
        device=device,
        dtype=dtype,
        text_encoder=words,
        tokenize=None if pieces is None else pieces.tokenize,
        frame=None if pieces is None else pieces.frame,
        unet=unet,
        vae=stage,
        latent_scale=scale,
        latent_shift=0.0,
        levels=_levels(weights, like),
        bytes=network_bytes(*networks),
        projection=projection,
        layout_encoder=reader,
        conditioners=_conditioners(weights, checkpoint, unet, device),
    )


def denoiser_weights(weights: Weights) -> dict[str, Tensor]:
    """Those of the denoising network: averaged over training where the file has them all.

    The original code draws with the averaged ones, whose names have lost their points.
    """
    own = weights.below(UNET)
    averaged = {name: f"{AVERAGED}diffusion_model{name.replace('.', '')}" for name in own}
    if all(name in weights for name in averaged.values()):
        return {name: weights[other] for name, other in averaged.items()}
    return own


def _first_stage(weights: Weights, parts: FileParts) -> AutoencoderKL | VQModel:
    own = weights.below(FIRST_STAGE)
    if any(name.startswith(CODEBOOK) for name in own):
        # Distances to a codebook have no half-precision form on GPUs.
        parts = replace(parts, dtype=torch.float32)
    stage: AutoencoderKL | VQModel = parts.network("vae", lambda: read_first_stage(own))
    return stage


def _word_encoder(weights: Weights, parts: FileParts) -> BertEmbedder | None:
    if parts.checkpoint.task not in ("text", "layout"):
        return None
    own = weights.below(f"{CONDITION}transformer.")
    encoder: BertEmbedder = parts.network("text_encoder", lambda: BertEmbedder.read(own))
    return encoder


def _levels(weights: Mapping[str, Tensor], like: Released) -> NoiseLevels:
    if ALPHAS in weights:
        return NoiseLevels.from_alphas(weights[ALPHAS].double().tolist(), EPSILON)
    first, last = like.betas
    return noise_levels({"beta_start": first, "beta_end": last, "beta_schedule": "scaled_linear"})


def _conditioners(
    weights: Weights, checkpoint: CheckpointInfo, unet: nn.Module, device: torch.device
) -> Conditioners:
    if checkpoint.task == "class":
        return Conditioners(classes=weights[CLASSES].to(device, torch.float32))
    if checkpoint.task == "semantic":
        return Conditioners(map_projection=weights[MAPPER].flatten(1).to(device, torch.float32))
    if checkpoint.task == "inpaint":
        return Conditioners(masks=MASKS)
    if checkpoint.task == "retrieval":
        config: Any = unet.config  # diffusers' configs are typed loosely
        return Conditioners(tokens_width=int(config.cross_attention_dim))
    return Conditioners()
