"""Tiny SDXL models on disk, saved by diffusers' own pipelines, and the pipelines themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
    StableDiffusionXLPipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from tests.engine.tiny import END, START, TinySizes, tiny_vae, tokenizer
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ModelId
from webui.services.diffusers_folder import describe_folder

FIRST, SECOND = 16, 24
"""Widths of the two text encoders."""
SCHEDULER = {
    "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000, "timestep_spacing": "linspace",
}  # fmt: skip


@dataclass(frozen=True)
class XlSizes:
    """What kind of tiny model."""

    refiner: bool = False
    in_channels: int = 4
    depth: tuple[int, ...] = (1, 2)
    """Transformer layers of each level; pruned models have fewer."""
    told_guidance: bool = False
    """Whether it is a latent consistency model."""


def write_tiny_xl(folder: Path, sizes: XlSizes = XlSizes(), seed: int = 0) -> CheckpointInfo:
    """Write the folder, in float32; equal seeds give equal weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        pipeline = tiny_xl(sizes)
    pipeline.save_pretrained(folder)
    return describe_folder(folder, ModelId(f"tiny/{folder.name}"))


# Any: diffusers' and transformers' classes are typed loosely.
def tiny_xl(sizes: XlSizes) -> Any:
    """A pipeline of random weights."""
    second = tokenizer()
    second.pad_token = "!"
    kind: Any = StableDiffusionXLImg2ImgPipeline if sizes.refiner else StableDiffusionXLPipeline
    return kind(
        vae=tiny_vae(TinySizes(vae_channels=(8, 16, 16))),
        text_encoder=None if sizes.refiner else CLIPTextModel(clip_config(FIRST, "quick_gelu")),
        text_encoder_2=CLIPTextModelWithProjection(clip_config(SECOND, "gelu")),
        tokenizer=None if sizes.refiner else tokenizer(),
        tokenizer_2=second,
        unet=_unet(sizes),
        scheduler=EulerDiscreteScheduler(**SCHEDULER),
        force_zeros_for_empty_prompt=not sizes.refiner,
        **({"requires_aesthetics_score": True} if sizes.refiner else {}),
        add_watermarker=False,
    )


def clip_config(width: int, activation: str) -> CLIPTextConfig:
    """Of a text encoder with a layer more than are read."""
    vocab = tokenizer().get_vocab()
    return CLIPTextConfig(
        vocab_size=len(vocab),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=2,
        projection_dim=width,
        hidden_act=activation,
        bos_token_id=vocab[START],
        eos_token_id=vocab[END],
        pad_token_id=vocab[END],
    )


def _unet(sizes: XlSizes) -> Any:
    numbers, embedded = (5 if sizes.refiner else 6), 8
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=sizes.in_channels,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=sizes.depth,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        cross_attention_dim=SECOND if sizes.refiner else FIRST + SECOND,
        addition_embed_type="text_time",
        addition_time_embed_dim=embedded,
        projection_class_embeddings_input_dim=SECOND + numbers * embedded,
        norm_num_groups=8,
        time_cond_proj_dim=16 if sizes.told_guidance else None,
    )
