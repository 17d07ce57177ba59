"""Noise that a network was taught to expect in what it follows: a small picture, or what is said of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from webui.engine.denoisers import NoiseLevels


@dataclass(frozen=True)
class SmallPictureNoise:
    """Noise by the levels of a diffusion schedule, each known to the network by its number."""

    levels: NoiseLevels
    most: int
    """The highest level that the network was taught."""

    def noised(self, low: Tensor, level: int, noise: Tensor) -> Tensor:
        """sqrt(a) * low + sqrt(1 - a) * noise, with `a` of the level.

        Args:
            low: (B, 3, h, w) in [-1, 1], or (B, P).
            level: From 0 to `most`.
            noise: As `low`, of unit variance.
        """
        sigma = math.exp(self.levels.log_sigmas[level])
        return (low + sigma * noise) / math.hypot(1.0, sigma)
