"""Windows that cover a large latent, and how what they show is put together.

A latent longer than a tile is never worked on whole: every step of it goes window by window, and
where windows overlap their guesses are averaged (MultiDiffusion: Bar-Tal et al. 2023). The memory
that a picture takes then has a bound, and a network sees no size far from those it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

TILE = 128
"""Most latent cells along a side of a window."""
OVERLAP = 32
"""Latent cells that neighbours share, at least."""


@dataclass(frozen=True)
class Tiles:
    """How a large latent is cut, in cells."""

    size: int = TILE
    """Most along a side of a window."""
    overlap: int = OVERLAP
    """What neighbours share, at least."""


USUAL_TILES = Tiles()


@dataclass(frozen=True)
class Window:
    """A part of a latent, in cells."""

    top: int
    left: int
    height: int
    width: int

    def of(self, values: Tensor, scale: int = 1) -> Tensor:
        """Its part of (..., h * scale, w * scale), a view."""
        top, left = self.top * scale, self.left * scale
        bottom, right = top + self.height * scale, left + self.width * scale
        return values[..., top:bottom, left:right]

    def weights(self, device: torch.device, scale: int = 1, edge: int = OVERLAP) -> Tensor:
        """(height * scale, width * scale), above 0: how much it counts; less towards its edges.

        It counts full from `edge` cells inwards.
        """
        vertical = _ramp(self.height * scale, edge * scale, device)
        return vertical[:, None] * _ramp(self.width * scale, edge * scale, device)


def cover(height: int, width: int, tile: int = TILE, overlap: int = OVERLAP) -> list[Window]:
    """Windows that cover a latent, in reading order; a single one where it is no larger than one."""
    return [
        Window(top, left, min(tile, height), min(tile, width))
        for top in _starts(height, tile, overlap)
        for left in _starts(width, tile, overlap)
    ]


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Evenly spread starts, so that neighbours share `overlap` cells or more."""
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // (tile - overlap))
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def _ramp(length: int, edge: int, device: torch.device) -> Tensor:
    """Rises over an edge from both ends: 1 / (edge + 1), ..., 1, ..., 1 / (edge + 1)."""
    places = torch.arange(length, device=device, dtype=torch.float32)
    nearest = torch.minimum(places, length - 1 - places)
    return ((nearest + 1) / (edge + 1)).clamp(max=1)
