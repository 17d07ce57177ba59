"""Boxes as cross-attention tokens: layout-to-image of Rombach et al. 2022, section 4.3.1.

A small transformer reads a set of boxes, each a class and four sides; its tokens stand beside
those of the text. Boxes have no order, so there is no position embedding.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

CONFIG, WEIGHTS = "config.json", "model.safetensors"


@dataclass(frozen=True)
class LayoutSettings:
    """Size of a layout encoder."""

    classes: int
    width: int = 192
    """Of a token; the UNet's cross-attention dimension."""
    layers: int = 2
    heads: int = 4
    boxes: int = 16
    """Tokens that come out, and the most boxes that go in."""
    frequencies: int = 8
    """Octaves of the Fourier features of a side."""


class ReadsBoxes(Protocol):
    """Turns boxes into tokens."""

    @property
    def settings(self) -> LayoutSettings:
        """Its classes, and how many boxes it reads."""
        ...

    def __call__(self, boxes: Tensor) -> Tensor:
        """(B, N, 5) boxes to (B, L, D) tokens."""
        ...


class LayoutEncoder(nn.Module):
    """(B, N, 5) boxes to (B, boxes, width) tokens."""

    def __init__(self, settings: LayoutSettings) -> None:
        super().__init__()
        self.settings = settings
        width = settings.width
        self.classes = nn.Embedding(settings.classes, width)
        self.nothing = nn.Parameter(torch.randn(width) * 0.02)
        """Token of a place without a box."""
        self.sides = nn.Sequential(
            nn.Linear(4 * 2 * settings.frequencies, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, settings.heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(settings.layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, boxes: Tensor) -> Tensor:
        """Tokens of boxes.

        Args:
            boxes: (B, N, 5), N at most `settings.boxes`: class index, left, top, right, bottom in
                fractions 0..1. A class below 0 is no box; so are the places that are missing.

        Returns:
            (B, boxes, width).
        """
        missing = self.settings.boxes - boxes.shape[1]
        boxes = nn.functional.pad(boxes, (0, 0, 0, missing), value=-1.0)
        present = boxes[..., :1] >= 0  # (B, boxes, 1)
        ids = boxes[..., 0].clamp(min=0).long()
        sides = self.sides(self._features(boxes[..., 1:]).to(self.nothing.dtype))
        tokens = torch.where(present, self.classes(ids) + sides, self.nothing)
        for layer in self.layers:
            tokens = layer(tokens)
        normalised: Tensor = self.norm(tokens)
        return normalised

    def _features(self, sides: Tensor) -> Tensor:
        """Sines and cosines of fractions (B, N, 4) in octaves; (B, N, 4 * 2 * frequencies)."""
        octaves = 2.0 ** torch.arange(self.settings.frequencies, device=sides.device)
        angles = sides.float()[..., None] * octaves * math.pi  # (B, N, 4, F)
        return torch.cat((angles.sin(), angles.cos()), -1).flatten(-2)

    def save(self, folder: Path) -> None:
        """Write settings and weights, as float16 safetensors, into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(asdict(self.settings), indent=2) + "\n", "utf-8")
        weights = {name: w.detach().half().cpu() for name, w in self.state_dict().items()}
        partial = folder / f"{WEIGHTS}.partial"
        save_file({name: w.contiguous() for name, w in weights.items()}, partial)
        partial.replace(folder / WEIGHTS)  # an older one may be in use

    @classmethod
    def load(cls, folder: Path) -> LayoutEncoder:
        """Read what `save` wrote, in float32 and ready to use.

        Raises:
            OSError: a file is missing.
            ValueError, TypeError, SafetensorError: a file is damaged.
        """
        settings = json.loads((folder / CONFIG).read_text("utf-8"))
        encoder = cls(LayoutSettings(**settings))
        weights = {name: weight.float() for name, weight in load_file(folder / WEIGHTS).items()}
        try:
            encoder.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(f"{WEIGHTS} does not fit {CONFIG}: {error}") from error
        return encoder.eval()
