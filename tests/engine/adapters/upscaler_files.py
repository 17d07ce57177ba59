"""A tiny upscaler network on disk, in the names of the published files."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId

ID = AdapterId("upscalers/tiny")


def state() -> dict[str, Tensor]:
    """A Real-ESRGAN "compact" network of 8 channels that enlarges twice, in the trainers' own names."""
    generator = torch.Generator().manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {
        "body.0.weight": (8, 3, 3, 3), "body.0.bias": (8,), "body.1.weight": (8,),
        "body.2.weight": (8, 8, 3, 3), "body.2.bias": (8,), "body.3.weight": (8,),
        "body.4.weight": (12, 8, 3, 3), "body.4.bias": (12,),
    }  # fmt: skip
    return {n: torch.randn(s, generator=generator) * 0.2 for n, s in shapes.items()}


def write_upscaler(path: Path) -> AdapterInfo:
    """Write its file."""
    save_file(state(), path)
    return AdapterInfo(ID, "upscaler", "tiny", str(path), 1)
