"""What training scripts draw batches of, wherever the pictures come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from webui.training.runs import Pixels


@dataclass(frozen=True)
class Examples:
    """A batch of pictures with captions, and their truth where the source knows it."""

    pictures: Pixels
    """RGB uint8 (B, H, W, 3)."""
    captions: tuple[str, ...]
    class_maps: NDArray[np.uint8] | None = None
    """Class ids (B, H, W)."""
    depths: NDArray[np.uint8] | None = None
    """(B, H/4, W/4): 255 near, 0 far."""
    things: NDArray[np.uint8] | None = None
    """(B, H/8, W/8): share of each cell that a foreground object covers, 0 to 255."""
    boxes: NDArray[np.float32] | None = None
    """(B, 16, 5): class id, then left, top, right, bottom in fractions; class -1 where none."""
    index: NDArray[np.int64] | None = None
    """Which of the source's examples these are; names their kept latents."""


class Source(Protocol):
    """Where examples come from: a pool, a stream, a user's folder."""

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        """A random batch; all pictures of one batch have one size."""
        ...
