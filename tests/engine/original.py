"""Tiny checkpoints in the original layout, and diffusers' own pipelines of the same files.

The pipelines are read by diffusers' converter with configurations that are stated here, so that nothing of
ours stands on their side.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from tests.weights.ldm_layout import (
    Shapes,
    Unet,
    clip_shapes,
    first_stage_shapes,
    open_clip_shapes,
    open_clip_vision_shapes,
    unet_shapes,
)
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ModelId
from webui.prompt.clip_vocabulary import clip_vocabulary
from webui.services.single_file import describe_file

WIDTH = 64
"""Of the tiny text encoders: one head."""
CHANNELS, MULT = 32, (1, 2)
STAGE_MULT = (1, 1, 1)
"""Of the tiny first stages: four pixels a latent cell keep attention cheap."""
EYE_WIDTH, SAYS = 32, 48
"""Width of the tiny image encoder, and of what it says of a picture."""


def tiny_sd1(in_channels: int = 4) -> Shapes:
    """Stable Diffusion 1, very small: a latent cell is four pixels."""
    unet = Unet(CHANNELS, MULT, 1, (0,), WIDTH, in_channels)
    return {**unet_shapes(unet), **_stage(), **clip_shapes(WIDTH, 2)}


def tiny_sd2(in_channels: int = 4) -> Shapes:
    """Stable Diffusion 2, very small; its heads are 64 wide."""
    unet = Unet(64, MULT, 1, (0, 1), WIDTH, in_channels, use_linear=True)
    return {**unet_shapes(unet), **_stage(), **open_clip_shapes(WIDTH, 3)}


def tiny_unclip(layers: int = 2, says: int = SAYS) -> Shapes:
    """Stable Diffusion 2.1 unCLIP, very small; its image encoder has the sixteen heads of the published one."""
    unet = Unet(64, MULT, 1, (0, 1), WIDTH, use_linear=True, adm=2 * says)
    eye = open_clip_vision_shapes(EYE_WIDTH, layers, says, side=28)
    return {**unet_shapes(unet), **_stage(), **open_clip_shapes(WIDTH, 3), **eye}


def tiny_x4() -> Shapes:
    """Stable Diffusion's x4 upscaler, very small; a level attends to nothing, one to text alone, one to both."""
    unet = Unet(
        CHANNELS, (1, 3, 3), 1, (1, 2), WIDTH, 7, use_linear=True, num_classes=1000,
        without_self_attention=(0, 1),
    )  # fmt: skip
    return {**unet_shapes(unet), **_stage(), **open_clip_shapes(WIDTH, 3)}


def _stage() -> Shapes:
    return first_stage_shapes(CHANNELS, STAGE_MULT, blocks=1)


def random_weights(
    shapes: Mapping[str, Sequence[int]], seed: int = 0, dtype: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    """Weights that keep what goes through them about the same size."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: _random(name, tuple(shape), generator).to(dtype) for name, shape in shapes.items()
    }


def _random(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if name.endswith("position_ids"):
        return torch.arange(shape[-1])[None]
    noise = torch.randn(shape, generator=generator)
    if len(shape) < 2:
        return 1 + noise / 10 if name.endswith("weight") else noise / 10
    if "embedding" in name and "time" not in name:
        return noise / 2
    return noise / math.sqrt(math.prod(shape[1:]))


def write_original(
    file: Path, shapes: Mapping[str, Sequence[int]], dtype: torch.dtype = torch.float32
) -> CheckpointInfo:
    """Write a file of random weights, as its ending says, and what the catalog makes of it."""
    weights = random_weights(shapes, dtype=dtype)
    if file.suffix == ".safetensors":
        safetensors.torch.save_file(weights, file)
    else:
        torch.save({"state_dict": weights, "global_step": 1}, file)
    return described(file)


def described(file: Path) -> CheckpointInfo:
    """What the catalog makes of a file."""
    info = describe_file(file, ModelId(file.name))
    assert info is not None
    return info


@cache
def words_of_clip(pad_token: str = "<|endoftext|>") -> Any:
    """CLIP's tokenizer for pipelines of diffusers, which read with it and do not change it."""
    vocabulary = clip_vocabulary()
    make: Any = CLIPTokenizer  # its declared types leave out what it takes
    return make(
        vocab=vocabulary.words, merges=vocabulary.merges, model_max_length=77, pad_token=pad_token
    )


@cache
def _word_files() -> tuple[str, str]:
    """What stands in vocab.json and in merges.txt."""
    vocabulary = clip_vocabulary()
    merges = "\n".join(["#version: 0.2", *(" ".join(pair) for pair in vocabulary.merges)])
    return json.dumps(vocabulary.words), merges


# Any: JSON, and diffusers' classes.
def write_configs(folder: Path, unet: dict[str, Any], text: dict[str, Any], **more: Any) -> Path:
    """Configurations of a pipeline without weights, for diffusers' converter."""
    words = folder / "tokenizer"
    words.mkdir(parents=True)
    vocabulary, merges = _word_files()
    (words / "vocab.json").write_text(vocabulary, "utf-8")
    (words / "merges.txt").write_text(merges, "utf-8")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"}
    special |= {"unk_token": "<|endoftext|>", "pad_token": more.pop("pad_token", "<|endoftext|>")}
    parts = {
        "tokenizer/tokenizer_config": {
            "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, **special,
        },
        "scheduler/scheduler_config": {**SCHEDULER, **more.pop("scheduler", {})},
        "unet/config": {"_class_name": "UNet2DConditionModel", **unet},
        "vae/config": {**STAGE, **more.pop("vae", {})},
        "text_encoder/config": {**TEXT, **text},
        "model_index": {**INDEX, **more.pop("index", {})},
        **more,
    }  # fmt: skip
    for name, content in parts.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content), "utf-8")
    return folder


UNET_SD1: dict[str, Any] = {
    "sample_size": 16, "in_channels": 4, "out_channels": 4, "block_out_channels": [32, 64],
    "layers_per_block": 1, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "cross_attention_dim": WIDTH,
    "attention_head_dim": 8, "norm_num_groups": 32,
}  # fmt: skip
UNET_SD2: dict[str, Any] = {
    **UNET_SD1, "block_out_channels": [64, 128], "attention_head_dim": [1, 2],
    "use_linear_projection": True, "down_block_types": ["CrossAttnDownBlock2D"] * 2,
    "up_block_types": ["CrossAttnUpBlock2D"] * 2,
}  # fmt: skip
UNET_UNCLIP: dict[str, Any] = {
    **UNET_SD2, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 2 * SAYS,
}  # fmt: skip
UNET_X4: dict[str, Any] = {
    **UNET_SD1, "in_channels": 7, "block_out_channels": [32, 96, 96], "num_class_embeds": 1000,
    "use_linear_projection": True, "only_cross_attention": [True, True, False],
    "down_block_types": ["DownBlock2D", *["CrossAttnDownBlock2D"] * 2],
    "up_block_types": [*["CrossAttnUpBlock2D"] * 2, "UpBlock2D"],
}  # fmt: skip
STAGE_X4: dict[str, Any] = {
    "block_out_channels": [32] * 3, "down_block_types": ["DownEncoderBlock2D"] * 3,
    "up_block_types": ["UpDecoderBlock2D"] * 3, "scaling_factor": 0.08333,
}  # fmt: skip
NOISE_X4: dict[str, Any] = {
    "beta_schedule": "scaled_linear", "beta_start": 0.0001, "beta_end": 0.02,
}  # fmt: skip
INDEX_X4: dict[str, Any] = {
    "_class_name": "StableDiffusionUpscalePipeline",
    "low_res_scheduler": ["diffusers", "DDPMScheduler"], "max_noise_level": 350,
    "watermarker": [None, None],
}  # fmt: skip
TEXT: dict[str, Any] = {
    "architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "hidden_size": WIDTH,
    "intermediate_size": 4 * WIDTH, "num_hidden_layers": 2, "num_attention_heads": 1,
    "vocab_size": 49408, "max_position_embeddings": 77, "projection_dim": WIDTH,
    "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 1, "hidden_act": "quick_gelu",
}  # fmt: skip
TEXT_SD2: dict[str, Any] = {"hidden_act": "gelu"}
STAGE: dict[str, Any] = {
    "_class_name": "AutoencoderKL", "block_out_channels": [32] * 3, "layers_per_block": 1,
    "down_block_types": ["DownEncoderBlock2D"] * 3, "up_block_types": ["UpDecoderBlock2D"] * 3,
    "latent_channels": 4, "norm_num_groups": 32, "scaling_factor": 0.18215, "sample_size": 32,
}  # fmt: skip
SCHEDULER: dict[str, Any] = {
    "_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000,
    "timestep_spacing": "linspace", "prediction_type": "epsilon",
}  # fmt: skip
INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.42.0",
    "scheduler": ["diffusers", "EulerDiscreteScheduler"], "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"], "safety_checker": [None, None],
    "feature_extractor": [None, None], "requires_safety_checker": False,
}  # fmt: skip
