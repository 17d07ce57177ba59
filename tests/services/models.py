"""Writes small diffusers folders: real JSON, real safetensors headers, a few bytes of weights."""

from __future__ import annotations

import json
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


def write_weights(file: Path, shapes: dict[str, list[int]], dtype: str = "F16") -> None:
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps({**header, "__metadata__": {"format": "pt"}}).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(at))


def write_model(folder: Path, **unet: Any) -> Path:
    write_json(folder / "model_index.json", _INDEX)
    write_json(folder / "unet" / "config.json", {"sample_size": 32, "in_channels": 8, **unet})
    vae = {"latent_channels": 8, "block_out_channels": [32, 64, 64]}
    write_json(folder / "vae" / "config.json", vae)
    write_json(folder / "scheduler" / "scheduler_config.json", {"prediction_type": "v_prediction"})
    write_weights(
        folder / "unet" / "diffusion_pytorch_model.safetensors", {"a": [10, 10], "b": [3]}
    )
    write_weights(folder / "vae" / "diffusion_pytorch_model.safetensors", {"c": [7]})
    write_weights(folder / "text_encoder" / "model.safetensors", {"d": [5, 2]})
    return folder
