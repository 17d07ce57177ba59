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
from typing import Protocol

from torch import Tensor

from webui.contracts.parameters.sampling import BH2
from webui.engine.work import Denoise, Task

LEAP = 1000.0
"""Ratio of two levels that no schedule of alphas has between steps, short of the last, which is to 0."""


class Noise(Protocol):
    """Draws standard normal values of the shape of x."""

    def __call__(self, between: tuple[float, float] | None = None, /) -> Tensor:
        """The next draw; or, between two noise levels, a Brownian path's increment at unit variance."""
        ...


@dataclass(frozen=True)
class Churn:
    """Noise put back before a step of a deterministic sampler (Karras et al. 2022, algorithm 2)."""

    amount: float = 0.0
    """S_churn: spread over all steps."""
    lowest: float = 0.0
    """S_tmin: noise level below which nothing is put back."""
    highest: float = math.inf
    """S_tmax: noise level above which nothing is put back."""

    def raised(self, sigma: float, count: int) -> float:
        """The level from which a step of `count` begins in place of sigma."""
        if self.amount <= 0 or not self.lowest <= sigma <= self.highest:
            return sigma
        return sigma * (1 + min(self.amount / count, math.sqrt(2) - 1))

    def put_back(self, x: Tensor, sigma: float, count: int, noise: Noise) -> tuple[Tensor, float]:
        """The latent with the noise of the raised level, and that level."""
        level = self.raised(sigma, count)
        if level > sigma:
            x = x + noise() * math.sqrt(level**2 - sigma**2)
        return x, level


@dataclass(frozen=True)
class SamplerOptions:
    """Fine settings; a sampler reads those that it knows."""

    eta: float | None = None
    """Share of fresh noise in a step, 0 for none; None is the sampler's own default."""
    churn: Churn = Churn()
    """For Euler, Heun and DPM2."""
    order: int = 3
    """Highest order of a multistep method that has a choice (UniPC)."""
    unipc_form: str = BH2
    """Which B(h) UniPC has, 'bh1' or 'bh2'."""
    earlier: Callable[[float, float], float] = operator.mul
    """(sigma, share) -> the noise level at this share of sigma's timestep (TCD). Without a model's own
    timesteps, time is sigma itself."""


Sampler = Callable[[Denoise, Tensor, Sequence[float], Noise, SamplerOptions], Task[Tensor]]


def steps(sigmas: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Pairs of a noise level and the following one."""
    return itertools.pairwise(sigmas)


def is_leap(sigma: float, following: float) -> bool:
    """Whether a step is so long that how the slope changes over it says nothing: a flow's first one.

    A method of second order takes Euler's step there.
    """
    return sigma > LEAP * following


def ancestral_split(sigma: float, following: float, eta: float) -> tuple[float, float]:
    """Noise level to walk down to, and how much fresh noise then leads up to `following`."""
    up = min(following, eta * following * math.sqrt(sigma**2 - following**2) / sigma)
    return math.sqrt(following**2 - up**2), up
