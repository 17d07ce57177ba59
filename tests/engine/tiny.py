"""Tiny random models and adapters on disk: every part is real, only the weights say nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.ids import AdapterId, ModelId
from webui.engine.families.sd1 import INPUT_CHANNELS
from webui.engine.layout_encoder import LayoutEncoder, LayoutSettings

_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.0",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
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
    task: Task = "text"
    classes: tuple[str, ...] = ()

    @property
    def input_channels(self) -> int:
        """Of the UNet."""
        return INPUT_CHANNELS[self.task](self.latent_channels, len(self.classes))


def write_tiny(folder: Path, sizes: TinySizes = TinySizes(), seed: int = 0) -> CheckpointInfo:
    """Write the folder; equal seeds give equal weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        # Any: the three libraries' classes have no base of their own.
        parts: dict[str, Any] = {
            "unet": _unet(sizes),
            "vae": tiny_vae(sizes),
            "text_encoder": _text_encoder(sizes),
        }
        layout = LayoutEncoder(LayoutSettings(len(sizes.classes), sizes.hidden, heads=2, boxes=4))
    for name, part in parts.items():
        part.to(torch.float16).save_pretrained(folder / name)
    if sizes.task == "layout":
        layout.save(folder / "layout_encoder")
        parts["layout_encoder"] = layout
    tokenizer().save_pretrained(folder / "tokenizer")
    _write_json(folder / "scheduler" / "scheduler_config.json", _scheduler(sizes))
    _write_json(folder / "model_index.json", _INDEX)
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
        task=sizes.task,
        classes=sizes.classes,
    )


def write_tiny_upscaler(folder: Path, labelled: bool = True, seed: int = 0) -> CheckpointInfo:
    """Write an LDMSuperResolutionPipeline's folder; 16 pixels become 64."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        # Any: diffusers' classes are untyped.
        parts: dict[str, Any] = {
            "unet": UNet2DModel(
                sample_size=16,
                in_channels=6,
                out_channels=3,
                block_out_channels=(16, 32),
                layers_per_block=1,
                down_block_types=("DownBlock2D", "AttnDownBlock2D"),
                up_block_types=("AttnUpBlock2D", "UpBlock2D"),
                norm_num_groups=8,
                attention_head_dim=8,
                class_embed_type="timestep" if labelled else None,
            ),
            "vqvae": VQModel(
                down_block_types=("DownEncoderBlock2D",) * 3,
                up_block_types=("UpDecoderBlock2D",) * 3,
                block_out_channels=(8, 8, 16),
                latent_channels=3,
                num_vq_embeddings=32,
                norm_num_groups=4,
                scaling_factor=1.3,
            ),
        }
        with torch.no_grad():  # as a trained codebook: spread like the latents
            parts["vqvae"].quantize.embedding.weight.normal_()
    for name, part in parts.items():
        part.to(torch.float16).save_pretrained(folder / name)
    scheduler = _scheduler(TinySizes(prediction="epsilon")) | {"beta_schedule": "linear"}
    _write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    _write_json(folder / "model_index.json", {"_class_name": "LDMSuperResolutionPipeline"})
    return CheckpointInfo(
        id=ModelId(f"tiny/{folder.name}"),
        title="Tiny upscaler",
        family="ldm-sr",
        path=str(folder),
        bytes=sum(file.stat().st_size for file in folder.rglob("*.safetensors")),
        parameters=sum(p.numel() for part in parts.values() for p in part.parameters()),
        dtype="F16",
        prediction="epsilon",
        latent_channels=3,
        latent_factor=4,
        native_width=64,
        native_height=64,
        task="upscale",
    )


def write_tiny_control(
    folder: Path, checkpoint: CheckpointInfo, seed: int = 0, reads: str = ""
) -> AdapterInfo:
    """Write a ControlNetModel for a tiny model, that already says something."""
    unet = UNet2DConditionModel.from_pretrained(Path(checkpoint.path) / "unet")
    levels = checkpoint.latent_factor.bit_length()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        # Any: diffusers' classes are untyped.
        control: Any = ControlNetModel.from_unet(
            unet, conditioning_embedding_out_channels=(8, 16, 16, 16, 16)[:levels]
        )
        blocks = [*control.controlnet_down_blocks, control.controlnet_mid_block]
        for block in [*blocks, control.controlnet_cond_embedding.conv_out]:
            torch.nn.init.normal_(block.weight, std=0.1)  # they begin as zeros
    control.to(torch.float16).save_pretrained(folder)
    size = (folder / "diffusion_pytorch_model.safetensors").stat().st_size
    name = AdapterId(f"tiny/{folder.name}")
    return AdapterInfo(name, "controlnet", "Tiny control", str(folder), size, reads)


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
        in_channels=sizes.input_channels,
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


def tiny_vae(sizes: TinySizes = TinySizes()) -> AutoencoderKL:
    """A KL first stage of random weights."""
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
