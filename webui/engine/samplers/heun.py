"""Heun's method (Karras et al. 2022, algorithm 1), and one that looks two levels ahead."""

# ruff: noqa: ARG001 - all samplers have one signature, not all need all of it

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, is_leap, steps
from webui.engine.work import Denoise, Task


def heun(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Second order: the mean of the slopes at both ends; the last step, to 0, is Euler's."""
    for sigma, following in steps(sigmas):
        x, level = options.churn.put_back(x, sigma, len(sigmas) - 1, noise)
        x = yield from heun_step(denoise, x, level, following)
    return x


def heun_step(denoise: Denoise, x: Tensor, sigma: float, following: float) -> Task[Tensor]:
    """One step of Heun's method; to 0 one of Euler's."""
    denoised = yield from denoise(x, sigma)
    slope = (x - denoised) / sigma
    guess = denoised + slope * following  # (1, C, h, w)
    if not is_leap(sigma, following):
        denoised = yield from denoise(guess, following)
        slope = (slope + (guess - denoised) / following) / 2
        guess = x + slope * (following - sigma)
    return guess


def heunpp2(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Heun++ (Li et al. 2023): the slopes at this level and at the next two.

    The later ones weigh as much as their level is of the first, so that they count where noise is
    high and hardly at the end.
    """
    for i, (sigma, following) in enumerate(steps(sigmas)):
        denoised = yield from denoise(x, sigma)
        slope = (x - denoised) / sigma
        ahead = [level for level in sigmas[i + 1 : i + 3] if level > 0]
        point, level, mean, rest = x, sigma, 0.0 * slope, 1.0
        last = slope
        for later in ahead:
            point = point + last * (later - level)  # (1, C, h, w)
            denoised = yield from denoise(point, later)
            last, level = (point - denoised) / later, later
            weight = later / (sigmas[0] * (len(ahead) + 1))
            mean, rest = mean + last * weight, rest - weight
        x = x + (mean + slope * rest) * (following - sigma)
    return x
