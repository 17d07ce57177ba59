"""Stable Diffusion 1 and 2 and everything of that shape: text tokens, UNet, KL first stage.

Reads a diffusers folder by part, of which some may lie in a neighbour's; sizes come from the parts'
own config files. Single files are read in `sd1_file.py`. What a model does beside text to image shows in the
input channels of its UNet.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.engine.families.clip_parts import token_frame, token_ids
from webui.engine.families.denoiser_file import load_denoiser
from webui.engine.families.parts import (
    load_part,
    noise_levels,
    part_folder,
    read_config,
    read_first_stage,
)
from webui.engine.families.sd1_file import parts_of_file
from webui.engine.families.sd1_parts import StableDiffusionParts
from webui.engine.families.told_guidance import TellableUNet
from webui.engine.families.unclip import variations_of_folder
from webui.engine.families.x4_upscaler import SCALE, look_up_whole_labels, noise_of_folder
from webui.engine.layout_encoder import LayoutEncoder
from webui.engine.model import LoadedModel, Traits
from webui.engine.precision import compute_dtype
from webui.engine.shared_networks import Place, network_bytes

INPUT_CHANNELS: dict[Task, Callable[[int, int], int]] = {
    "text": lambda latent, classes: latent,  # noqa: ARG005
    "inpaint": lambda latent, classes: 2 * latent + 1,  # noqa: ARG005
    "semantic": lambda latent, classes: latent + 4 * classes,
    "layout": lambda latent, classes: latent,  # noqa: ARG005
    "depth": lambda latent, classes: latent + 1,  # noqa: ARG005
    "edit": lambda latent, classes: 2 * latent,  # noqa: ARG005
    "upscale": lambda latent, classes: latent + 3,  # noqa: ARG005
    "variation": lambda latent, classes: latent,  # noqa: ARG005
}
"""Input channels of the UNet by task, from those of the latent and the number of classes."""


def load(checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
    """Read a diffusers folder or a single file."""
    dtype = compute_dtype(place.device, checkpoint.dtype)
    read = _parts_of_folder if checkpoint.is_in_parts else parts_of_file
    parts = read(checkpoint, place, dtype)
    # Any: diffusers' configurations are typed loosely.
    unet: Any = parts.unet
    _check_channels(checkpoint, int(unet.config.in_channels))
    look_up_whole_labels(parts.unet)
    return LoadedModel(
        checkpoint=checkpoint,
        device=place.device,
        dtype=dtype,
        text_encoder=parts.text_encoder,
        tokenize=lambda text: token_ids(parts.tokenizer, text),
        frame=parts.frame,
        unet=parts.unet,
        vae=parts.first_stage.vae,
        latent_scale=parts.first_stage.scale,
        latent_shift=parts.first_stage.shift,
        levels=parts.levels,
        bytes=network_bytes(*parts.networks),
        projection=parts.first_stage.projection,
        layout_encoder=parts.layout_encoder,
        variations=parts.variations,
        traits=Traits(
            small_noise=parts.small_noise,
            takes_guidance=unet.config.time_cond_proj_dim is not None,
        ),
    )


def _parts_of_folder(
    checkpoint: CheckpointInfo, place: Place, dtype: torch.dtype
) -> StableDiffusionParts:
    where = {name: part_folder(checkpoint, name) for name in _PARTS}
    enlarges, varies = checkpoint.task == "upscale", checkpoint.task == "variation"
    text_encoder = load_part(CLIPTextModel, where["text_encoder"], place, dtype=dtype)
    tokenizer = CLIPTokenizer.from_pretrained(where["tokenizer"], local_files_only=True)
    return StableDiffusionParts(
        unet=load_denoiser(TellableUNet, checkpoint, "unet", place, dtype),
        first_stage=read_first_stage(checkpoint, place, dtype, SCALE if enlarges else None),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        frame=token_frame(tokenizer, int(text_encoder.config.max_position_embeddings)),
        levels=noise_levels(read_config(where["scheduler"], "scheduler_config.json")),
        layout_encoder=_layout_encoder(checkpoint, where["layout_encoder"], place.device),
        small_noise=noise_of_folder(checkpoint) if enlarges else None,
        variations=variations_of_folder(checkpoint, place, dtype) if varies else None,
    )


_PARTS = ("text_encoder", "tokenizer", "scheduler", "layout_encoder")


def _layout_encoder(
    checkpoint: CheckpointInfo, folder: Path, device: torch.device
) -> LayoutEncoder | None:
    """In float32: it is small."""
    if checkpoint.task != "layout":
        return None
    encoder = LayoutEncoder.load(folder).requires_grad_(False).to(device)
    if encoder.settings.classes != len(checkpoint.classes):
        raise ValueError(
            f"its layout encoder knows {encoder.settings.classes} classes and easel.json names "
            f"{len(checkpoint.classes)}; these must be the same."
        )
    return encoder


def _check_channels(checkpoint: CheckpointInfo, channels: int) -> None:
    task, latent = checkpoint.task, checkpoint.latent_channels
    if task not in INPUT_CHANNELS:
        raise ValueError(f"its task is {task!r}; this family has {', '.join(INPUT_CHANNELS)}.")
    wanted = INPUT_CHANNELS[task](latent, len(checkpoint.classes))
    if channels != wanted:
        raise ValueError(
            f"its UNet takes {channels} channels; for the task {task!r} {wanted} were expected."
        )
