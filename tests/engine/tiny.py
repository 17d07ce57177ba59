"""A tiny random model in a diffusers folder: every part is real, only the weights say nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ModelId

START, END = "<|startoftext|>", "<|endoftext|>"


@dataclass(frozen=True)
class TinySizes:
    """Sizes of a tiny model."""

    unet_channels: tuple[int, ...] = (16, 32)
    vae_channels: tuple[int, ...] = (8, 16)
    latent_channels: int = 4
    hidden: int = 16
    sample_size: int = 16
    prediction: str = "v_prediction"
    head: int = 8
    unet_layers: int = 1


def write_tiny(folder: Path, sizes: TinySizes = TinySizes(), seed: int = 0) -> CheckpointInfo:
    """Write the folder; equal seeds give equal weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        # Any: the three libraries' classes have no base of their own.
        parts: dict[str, Any] = {
            "unet": _unet(sizes),
            "vae": _vae(sizes),
            "text_encoder": _text_encoder(sizes),
        }
    for name, part in parts.items():
        part.to(torch.float16).save_pretrained(folder / name)
    tokenizer().save_pretrained(folder / "tokenizer")
    _write_json(folder / "scheduler" / "scheduler_config.json", _scheduler(sizes))
    _write_json(folder / "model_index.json", {"_class_name": "StableDiffusionPipeline"})
    weights = list(folder.rglob("*.safetensors"))
    factor = 2 ** (len(sizes.vae_channels) - 1)
    native = sizes.sample_size * factor
    return CheckpointInfo(
        id=ModelId(f"tiny/{folder.name}"),
        title="Tiny",
        family="sd1",
        path=str(folder),
        bytes=sum(file.stat().st_size for file in weights),
        parameters=sum(p.numel() for part in parts.values() for p in part.parameters()),
        dtype="F16",
        prediction=sizes.prediction,
        latent_channels=sizes.latent_channels,
        latent_factor=factor,
        native_width=native,
        native_height=native,
    )


def tokenizer() -> CLIPTokenizer:
    """Bytes only: any script can be written."""
    bytes_ = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(b) for b in bytes_] + [chr(256 + i) for i in range(256 - len(bytes_))]
    words = [*letters, *(letter + "</w>" for letter in letters), START, END]
    vocab = {word: i for i, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=77)


def _unet(sizes: TinySizes) -> UNet2DConditionModel:
    count = len(sizes.unet_channels)
    unet: UNet2DConditionModel = UNet2DConditionModel(
        sample_size=sizes.sample_size,
        in_channels=sizes.latent_channels,
        out_channels=sizes.latent_channels,
        block_out_channels=sizes.unet_channels,
        layers_per_block=sizes.unet_layers,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * (count - 1),
        up_block_types=("CrossAttnUpBlock2D",) * (count - 1) + ("UpBlock2D",),
        cross_attention_dim=sizes.hidden,
        attention_head_dim=sizes.head,
        norm_num_groups=8,
    )
    return unet


def _vae(sizes: TinySizes) -> AutoencoderKL:
    count = len(sizes.vae_channels)
    vae: AutoencoderKL = AutoencoderKL(
        block_out_channels=sizes.vae_channels,
        down_block_types=("DownEncoderBlock2D",) * count,
        up_block_types=("UpDecoderBlock2D",) * count,
        latent_channels=sizes.latent_channels,
        layers_per_block=1,
        norm_num_groups=4,
        scaling_factor=0.7,
        sample_size=sizes.sample_size * 2 ** (count - 1),
    )
    return vae


def _text_encoder(sizes: TinySizes) -> CLIPTextModel:
    vocab = tokenizer().get_vocab()
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(vocab),
            hidden_size=sizes.hidden,
            intermediate_size=2 * sizes.hidden,
            num_hidden_layers=2,
            num_attention_heads=2,
            projection_dim=sizes.hidden,
            bos_token_id=vocab[START],
            eos_token_id=vocab[END],
            pad_token_id=vocab[END],
        )
    )


def _scheduler(sizes: TinySizes) -> dict[str, object]:
    return {
        "_class_name": "DDIMScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "prediction_type": sizes.prediction,
    }


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")
