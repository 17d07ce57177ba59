"""Writes small diffusers folders: real JSON, real safetensors headers, a few bytes of weights."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
}


def write_json(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def write_weights(
    file: Path,
    shapes: dict[str, list[int]],
    dtype: str = "F16",
    metadata: dict[str, str] | None = None,
) -> None:
    header: dict[str, Any] = {}
    at = 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps({**header, "__metadata__": {"format": "pt", **(metadata or {})}}).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(at))


def write_model(
    folder: Path,
    easel: dict[str, Any] | None = None,
    pipeline: str = "StableDiffusionPipeline",
    **unet: Any,
) -> Path:
    """A text model's folder with a latent of 8 channels; `easel` becomes its `easel.json`."""
    write_json(folder / "model_index.json", {**_INDEX, "_class_name": pipeline})
    write_json(folder / "unet" / "config.json", {"sample_size": 32, "in_channels": 8, **unet})
    vae = {"latent_channels": 8, "block_out_channels": [32, 64, 64]}
    write_json(folder / "vae" / "config.json", vae)
    write_json(folder / "scheduler" / "scheduler_config.json", {"prediction_type": "v_prediction"})
    write_weights(
        folder / "unet" / "diffusion_pytorch_model.safetensors", {"a": [10, 10], "b": [3]}
    )
    write_weights(folder / "vae" / "diffusion_pytorch_model.safetensors", {"c": [7]})
    write_weights(folder / "text_encoder" / "model.safetensors", {"d": [5, 2]})
    write_json(folder / "tokenizer" / "tokenizer_config.json", {})
    if easel is not None:
        write_json(folder / "easel.json", easel)
    return folder


def write_sharing_model(folder: Path, easel: dict[str, Any], **unet: Any) -> Path:
    """A model that has a network and a scheduler of its own, and shares the rest."""
    write_model(folder, easel, **unet)
    for part in ("vae", "text_encoder", "tokenizer"):
        shutil.rmtree(folder / part)
    return folder


def write_upscaler(folder: Path, **unet: Any) -> Path:
    """A superresolution model's folder: a latent of 3 channels at a quarter of the size."""
    index = {
        "_class_name": "LDMSuperResolutionPipeline",
        "unet": ["diffusers", "UNet2DModel"],
        "vqvae": ["diffusers", "VQModel"],
    }
    write_json(folder / "model_index.json", index)
    write_json(folder / "unet" / "config.json", {"sample_size": 64, "in_channels": 6, **unet})
    vqvae = {"latent_channels": 3, "block_out_channels": [8, 16, 16]}
    write_json(folder / "vqvae" / "config.json", vqvae)
    write_json(folder / "scheduler" / "scheduler_config.json", {})
    write_weights(folder / "unet" / "diffusion_pytorch_model.safetensors", {"a": [11]})
    write_weights(folder / "vqvae" / "diffusion_pytorch_model.safetensors", {"c": [7]})
    return folder


def write_controlnet(folder: Path, reads: Any = None, kind: str = "ControlNetModel") -> Path:
    write_json(folder / "config.json", {"_class_name": kind})
    write_weights(folder / "diffusion_pytorch_model.safetensors", {"a": [10]})
    if reads is not None:
        write_json(folder / "easel.json", {"reads": reads})
    return folder


def write_lora(file: Path, mark: str = "lora_A", **metadata: str) -> Path:
    write_weights(file, {f"unet.mid_block.to_q.{mark}.weight": [4, 8]}, metadata=metadata)
    return file
