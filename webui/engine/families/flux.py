"""FLUX.1 (Black Forest Labs 2024), dev and schnell: a flow-matching transformer over patches of a latent.

Of CLIP it is told the text as a whole alone; it reads T5. Dev was distilled from guided predictions and is told
their scale; the shift of its times grows with the picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from torch import Tensor
from torch.nn import functional

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.lora_keys import TEXT, TEXT_2
from webui.engine.clip import ClipTower
from webui.engine.denoisers import NoiseLevels
from webui.engine.families.clip_parts import read_tower
from webui.engine.families.denoiser_file import load_denoiser
from webui.engine.families.flow_file import flux_of_file
from webui.engine.families.flow_parts import FlowParts, stored_precision_of
from webui.engine.families.parts import (
    part_folder,
    read_config,
    read_first_stage,
)
from webui.engine.families.patches import patch_places, whole_patches
from webui.engine.families.t5_parts import T5Tower, read_t5
from webui.engine.model import LoadedModel, Traits
from webui.engine.precision import compute_dtype
from webui.engine.shared_networks import Place, network_bytes
from webui.engine.work import EncodedText, EncodeText
from webui.weights.signatures.flow import DEV

PATCH = 2
"""Latent cells along a side of what the transformer takes for one place."""
DEV_LENGTH, SCHNELL_LENGTH = 512, 256
"""Tokens of T5's row."""


class PatchTransformer(FluxTransformer2DModel):  # type: ignore[misc]
    """diffusers' transformer with the arguments that the engine gives every network."""

    def forward(  # noqa: PLR0913 - what the engine gives every network
        self,
        sample: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        pooled: Tensor,
        class_labels: Tensor | None = None,
        behind: Mapping[str, list[Tensor]] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """A tuple of the velocity (R, C, h, w) of latents.

        Args:
            sample: (R, C, h, w).
            timestep: (R,), 1000 times the time.
            encoder_hidden_states: (R, T, D).
            pooled: (R, P), the text as a whole.
            class_labels: (R,), scale of the distilled guidance, where the network is told it.
            behind: What is added behind each block, (R, patches, D), by diffusers' arguments.
            return_dict: As in diffusers.
        """
        height, width = sample.shape[-2:]
        whole = whole_patches(sample, PATCH)
        rows, columns = (side // PATCH for side in whole.shape[-2:])
        packed = functional.pixel_unshuffle(whole, PATCH).flatten(2).mT  # (R, rows * columns, 4 C)
        (velocity,) = super().forward(
            hidden_states=packed,
            encoder_hidden_states=encoder_hidden_states,
            pooled_projections=pooled,
            timestep=timestep / 1000,
            img_ids=patch_places(rows, columns, sample),
            txt_ids=sample.new_zeros(encoder_hidden_states.shape[1], 3),
            guidance=class_labels,
            return_dict=return_dict,
            **(behind or {}),
        )
        unpacked = functional.pixel_shuffle(velocity.mT.unflatten(2, (rows, columns)), PATCH)
        return (unpacked[..., :height, :width],)


@dataclass(frozen=True)
class GrowingShift:
    """Shift of a flow by the size of its latent: the logarithm is linear in the number of patches."""

    base_patches: int = 256
    most_patches: int = 4096
    base: float = 0.5
    most: float = 1.15

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> GrowingShift:
        """From a diffusers scheduler's config."""
        return cls(
            int(config.get("base_image_seq_len", cls.base_patches)),
            int(config.get("max_image_seq_len", cls.most_patches)),
            float(config.get("base_shift", cls.base)),
            float(config.get("max_shift", cls.most)),
        )

    def __call__(self, cells: int) -> float:
        """For a latent of so many cells."""
        slope = (self.most - self.base) / (self.most_patches - self.base_patches)
        return math.exp(self.base + slope * (cells / PATCH**2 - self.base_patches))


@dataclass(frozen=True, eq=False)
class ReadByT5:
    """Reads a text by T5; CLIP says what it is as a whole."""

    clip: ClipTower
    t5: T5Tower

    @property
    def parts(self) -> tuple[str, ...]:
        """Its text encoders, as LoRAs call them: kohya's scripts call T5 the third, diffusers the second."""
        return self.clip.part, *self.t5.parts

    def __call__(self, work: EncodeText) -> EncodedText:
        """What the work's text becomes."""
        return EncodedText(self.t5.read(work)[None], pooled=self.clip.read(work)[1])


def load(checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
    """Read a diffusers folder, or a file that holds all parts."""
    # Made in bfloat16; what is packed has no precision of its own.
    dtype = compute_dtype(place.device, stored_precision_of(checkpoint))
    parts = _parts_of(checkpoint, place, dtype)
    t5, first_stage = parts.t5, parts.first_stage
    assert t5 is not None
    grows = bool(parts.schedule.get("use_dynamic_shifting", False))
    return LoadedModel(
        checkpoint=checkpoint,
        device=place.device,
        dtype=dtype,
        text_encoder=t5.encoder,
        tokenize=t5.tokenize,
        frame=t5.frame,
        unet=parts.transformer,
        vae=first_stage.vae,
        latent_scale=first_stage.scale,
        latent_shift=first_stage.shift,
        levels=NoiseLevels.of_flow(1.0 if grows else float(parts.schedule.get("shift", 1.0))),
        bytes=network_bytes(*parts.networks),
        projection=first_stage.projection,
        reads=ReadByT5(parts.towers[0], t5),
        traits=Traits(
            attends_jointly=True,
            takes_guidance=bool(parts.transformer.config.guidance_embeds),
            shift_at=GrowingShift.of(parts.schedule) if grows else None,
        ),
    )


def _parts_of(checkpoint: CheckpointInfo, place: Place, dtype: torch.dtype) -> FlowParts:
    if not checkpoint.is_in_parts:
        length = DEV_LENGTH if checkpoint.variant == DEV else SCHNELL_LENGTH
        return flux_of_file(checkpoint, place, dtype, PatchTransformer, length)
    transformer = load_denoiser(PatchTransformer, checkpoint, "transformer", place, dtype)
    first_stage = read_first_stage(checkpoint, place, dtype)
    clip = read_tower(checkpoint, TEXT, place, dtype, projects=False)
    length = DEV_LENGTH if transformer.config.guidance_embeds else SCHNELL_LENGTH
    t5 = read_t5(checkpoint, (TEXT_2, "tokenizer_2"), length, place, dtype)
    scheduler = read_config(part_folder(checkpoint, "scheduler"), "scheduler_config.json")
    return FlowParts(transformer, first_stage, (clip,), t5, scheduler)
