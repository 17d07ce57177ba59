"""Stable Diffusion 3 and 3.5 (Esser et al. 2024): a flow-matching transformer over text and picture together.

It reads two CLIP encoders side by side and, where the folder has it, T5 behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from torch import Tensor
from torch.nn import functional

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.lora_keys import TEXT, TEXT_2, TEXT_3
from webui.engine.clip import ClipTower
from webui.engine.denoisers import NoiseLevels
from webui.engine.families.clip_parts import read_tower
from webui.engine.families.denoiser_file import load_denoiser
from webui.engine.families.flow_file import sd3_of_file
from webui.engine.families.flow_parts import FlowParts, stored_precision_of
from webui.engine.families.parts import (
    part_folder,
    read_config,
    read_first_stage,
)
from webui.engine.families.patches import whole_patches
from webui.engine.families.t5_parts import T5Tower, read_t5
from webui.engine.model import LoadedModel, Traits
from webui.engine.precision import compute_dtype
from webui.engine.shared_networks import Place, network_bytes
from webui.engine.work import EncodedText, EncodeText

T5_LENGTH = 256
"""Tokens of T5's row, as diffusers has it."""
WITHOUT_T5 = (
    "The model's third text encoder (T5) is not there: it draws by the other two, and knows less of long "
    "prompts and of writing."
)


class JointTransformer(SD3Transformer2DModel):  # type: ignore[misc]
    """diffusers' transformer with the arguments that the engine gives every network."""

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        pooled: Tensor,
        behind: Mapping[str, list[Tensor]] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """A tuple of the velocity (R, C, h, w) of latents.

        Args:
            sample: (R, C, h, w).
            timestep: (R,), 1000 times the time.
            encoder_hidden_states: (R, T, D).
            pooled: (R, P), the text as a whole.
            behind: What is added behind each block, (R, patches, D), by diffusers' arguments.
            return_dict: As in diffusers.
        """
        height, width = sample.shape[-2:]
        (velocity,) = super().forward(
            hidden_states=whole_patches(sample, int(self.config.patch_size)),
            encoder_hidden_states=encoder_hidden_states,
            pooled_projections=pooled,
            timestep=timestep,
            return_dict=return_dict,
            **(behind or {}),
        )
        return (velocity[..., :height, :width],)


@dataclass(frozen=True, eq=False)
class ReadByThree:
    """Reads a text by two CLIP encoders and T5."""

    towers: tuple[ClipTower, ...]
    t5: T5Tower | None
    width: int
    """Of the tokens that the transformer reads."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Its text encoders, as LoRAs call them."""
        clips = tuple(tower.part for tower in self.towers)
        return clips if self.t5 is None else (*clips, *self.t5.parts)

    def __call__(self, work: EncodeText) -> EncodedText:
        """What the work's text becomes: without T5 its tokens are 0."""
        said = [tower.read(work) for tower in self.towers]
        tokens = torch.cat([tokens for tokens, _ in said], -1)  # (chunks, L, D1 + D2)
        pooled = torch.cat([whole for _, whole in said if whole is not None])
        tail = tokens.new_zeros(T5_LENGTH, self.width) if self.t5 is None else self.t5.read(work)
        wide = functional.pad(tokens, (0, self.width - tokens.shape[-1]))
        return EncodedText(wide, tail, pooled)


def load(checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
    """Read a diffusers folder, or a file that holds all parts."""
    # Made in bfloat16; what is packed has no precision of its own.
    dtype = compute_dtype(place.device, stored_precision_of(checkpoint))
    if checkpoint.is_in_parts:
        parts = _parts_of_folder(checkpoint, place, dtype)
    else:
        parts = sd3_of_file(checkpoint, place, dtype, JointTransformer, T5_LENGTH)
    without = WITHOUT_T5 if parts.lacks is None else parts.lacks
    towers, t5, first_stage = parts.towers, parts.t5, parts.first_stage
    return LoadedModel(
        checkpoint=checkpoint,
        device=place.device,
        dtype=dtype,
        text_encoder=towers[0].encoder,
        tokenize=lambda text: [*towers[0].tokenize(text)],
        frame=towers[0].frame,
        unet=parts.transformer,
        vae=first_stage.vae,
        latent_scale=first_stage.scale,
        latent_shift=first_stage.shift,
        levels=NoiseLevels.of_flow(float(parts.schedule.get("shift", 3.0))),
        bytes=network_bytes(*parts.networks),
        projection=first_stage.projection,
        reads=ReadByThree(towers, t5, int(parts.transformer.config.joint_attention_dim)),
        traits=Traits(attends_jointly=True, lacks=without if t5 is None else ""),
    )


def _parts_of_folder(checkpoint: CheckpointInfo, place: Place, dtype: torch.dtype) -> FlowParts:
    transformer = load_denoiser(JointTransformer, checkpoint, "transformer", place, dtype)
    first_stage = read_first_stage(checkpoint, place, dtype)
    towers = tuple(
        read_tower(checkpoint, part, place, dtype, projects=True) for part in (TEXT, TEXT_2)
    )
    has_t5 = part_folder(checkpoint, TEXT_3).is_dir()
    folders = (TEXT_3, "tokenizer_3")
    t5 = read_t5(checkpoint, folders, T5_LENGTH, place, dtype) if has_t5 else None
    scheduler = read_config(part_folder(checkpoint, "scheduler"), "scheduler_config.json")
    return FlowParts(transformer, first_stage, towers, t5, scheduler)
