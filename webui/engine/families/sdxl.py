"""Stable Diffusion XL (Podell et al. 2023), its refiner, and networks of their shape with fewer layers.

Two text encoders are read side by side (the refiner has the second alone), and beside the timestep the
network embeds the text as a whole and numbers about the picture. Turbo, Lightning and LCM models are of
this shape too; an LCM is told the scale of its guidance besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.lora_keys import TEXT, TEXT_2
from webui.engine.clip import ClipTower
from webui.engine.families.clip_parts import read_tower
from webui.engine.families.denoiser_file import load_denoiser, model_folder
from webui.engine.families.parts import (
    noise_levels,
    part_folder,
    read_config,
    read_first_stage,
)
from webui.engine.families.sdxl_file import parts_of_file
from webui.engine.families.sdxl_parts import XlParts
from webui.engine.families.told_guidance import guidance_embedding
from webui.engine.model import LoadedModel, Traits
from webui.engine.precision import compute_dtype
from webui.engine.programs.sizes import BASE, REFINER
from webui.engine.published_levels import STABLE_DIFFUSION_XL
from webui.engine.shared_networks import Place, network_bytes
from webui.engine.work import EncodedText, EncodeText


class SizedUNet(UNet2DConditionModel):  # type: ignore[misc]
    """diffusers' UNet with the arguments that the engine gives every network."""

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        pooled: Tensor,
        sizes: Tensor,
        class_labels: Tensor | None = None,
        **others: Any,  # residuals of controlnets, and how the answer is packed
    ) -> Any:
        """Prediction for latents (R, C, h, w).

        Args:
            sample: (R, C, h, w).
            timestep: (R,).
            encoder_hidden_states: (R, T, D).
            pooled: (R, P), the text as a whole.
            sizes: (R, N), numbers about the picture.
            class_labels: (R,), scale of a distilled guidance, where the network is told it.
            others: As in diffusers.
        """
        if class_labels is not None:
            width = int(self.config.time_cond_proj_dim)
            others["timestep_cond"] = guidance_embedding(class_labels, width).to(sample.dtype)
        added = {"text_embeds": pooled, "time_ids": sizes}
        return super().forward(
            sample, timestep, encoder_hidden_states, added_cond_kwargs=added, **others
        )


@dataclass(frozen=True, eq=False)
class ReadByTowers:
    """Reads a text by one or two encoders: their tokens side by side, the last one's whole."""

    towers: tuple[ClipTower, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Its text encoders, as LoRAs call them."""
        return tuple(tower.part for tower in self.towers)

    def __call__(self, work: EncodeText) -> EncodedText:
        """What the work's text becomes."""
        said = [tower.read(work) for tower in self.towers]
        return EncodedText(torch.cat([tokens for tokens, _ in said], -1), pooled=said[-1][1])


def load(checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
    """Read a diffusers folder or a single file."""
    dtype = compute_dtype(place.device, checkpoint.dtype)
    if checkpoint.is_in_parts:
        parts = _parts_of_folder(checkpoint, place, dtype)
    else:
        parts = parts_of_file(checkpoint, place, dtype, SizedUNet)
    first, last = parts.towers[0], parts.towers[-1]
    pooled: Any = last.encoder.config
    networks = [parts.unet, parts.first_stage.vae, *(tower.encoder for tower in parts.towers)]
    return LoadedModel(
        checkpoint=checkpoint,
        device=place.device,
        dtype=dtype,
        text_encoder=first.encoder,
        tokenize=lambda text: [*first.tokenize(text)],
        frame=first.frame,
        unet=parts.unet,
        vae=parts.first_stage.vae,
        latent_scale=parts.first_stage.scale,
        latent_shift=parts.first_stage.shift,
        levels=parts.levels,
        bytes=network_bytes(*networks),
        projection=parts.first_stage.projection,
        reads=ReadByTowers(parts.towers),
        traits=read_traits(
            checkpoint, parts.unet.config, pooled.projection_dim, parts.zeroes_empty_negative
        ),
    )


def _parts_of_folder(checkpoint: CheckpointInfo, place: Place, dtype: torch.dtype) -> XlParts:
    texts = [TEXT, TEXT_2] if part_folder(checkpoint, TEXT).is_dir() else [TEXT_2]
    scheduler = read_config(part_folder(checkpoint, "scheduler"), "scheduler_config.json")
    return XlParts(
        unet=load_denoiser(SizedUNet, checkpoint, "unet", place, dtype),
        first_stage=read_first_stage(checkpoint, place, dtype),
        towers=tuple(
            read_tower(checkpoint, part, place, dtype, projects=part == TEXT_2) for part in texts
        ),
        levels=noise_levels(scheduler, STABLE_DIFFUSION_XL),
        zeroes_empty_negative=_zeroes_empty_negative(checkpoint),
    )


# Any, here and below: diffusers' configs are typed loosely.
def read_traits(checkpoint: CheckpointInfo, config: Any, pooled: int, zeroes: bool) -> Traits:
    """What the network is told beside its latent, from its config.

    Args:
        checkpoint: Whose.
        config: Of the UNet.
        pooled: Width of the text as a whole.
        zeroes: Whether an empty negative prompt is all 0.

    Raises:
        ValueError: it is told something else than networks of this family are.
    """
    if config.addition_embed_type != "text_time":
        raise ValueError(
            f"its UNet embeds {config.addition_embed_type!r} beside the timestep; 'text_time' was expected."
        )
    _check_channels(checkpoint, int(config.in_channels))
    width = int(config.addition_time_embed_dim)
    numbers = (int(config.projection_class_embeddings_input_dim) - pooled) / width
    if numbers not in (BASE, REFINER):
        raise ValueError(
            f"its UNet embeds {numbers:g} numbers about the picture; {BASE}, or {REFINER} as the refiner's, "
            "were expected."
        )
    return Traits(int(numbers), zeroes, takes_guidance=config.time_cond_proj_dim is not None)


def _check_channels(checkpoint: CheckpointInfo, channels: int) -> None:
    latent = checkpoint.latent_channels
    wanted = {"text": latent, "inpaint": 2 * latent + 1}.get(checkpoint.task)
    if channels != wanted:
        raise ValueError(
            f"its UNet takes {channels} channels; for the task {checkpoint.task!r} of this family "
            f"{wanted or 'no number'} was expected."
        )


def _zeroes_empty_negative(checkpoint: CheckpointInfo) -> bool:
    index = read_config(model_folder(checkpoint), "model_index.json")
    return bool(index.get("force_zeros_for_empty_prompt", True))
