"""What samplers share: their signature, their options and the ancestral split of a step.

Samplers work on x = x0 + sigma * noise. They yield from `denoise(x, sigma)` and get the guess of
the clean latent back; they draw fresh noise from `noise()`; the last sigma is 0.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from webui.engine.guidance import Denoise
from webui.engine.work import Task

Noise = Callable[[], Tensor]
"""Draws standard normal values of the shape of x."""


@dataclass(frozen=True)
class SamplerOptions:
    """Fine settings; a sampler reads those that it knows."""

    eta: float | None = None
    """Share of fresh noise in a step, 0 for none; None is the sampler's own default."""
    order: int = 3
    """Highest order of a multistep method that has a choice (UniPC)."""
    earlier: Callable[[float, float], float] = operator.mul
    """(sigma, share) -> the noise level at this share of sigma's timestep (TCD). Without a model's own
    timesteps, time is sigma itself."""


Sampler = Callable[[Denoise, Tensor, Sequence[float], Noise, SamplerOptions], Task[Tensor]]


def steps(sigmas: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Pairs of a noise level and the following one."""
    return itertools.pairwise(sigmas)


def ancestral_split(sigma: float, following: float, eta: float) -> tuple[float, float]:
    """Noise level to walk down to, and how much fresh noise then leads up to `following`."""
    up = min(following, eta * following * math.sqrt(sigma**2 - following**2) / sigma)
    return math.sqrt(following**2 - up**2), up
