"""DPM-Solver-2 (Lu et al. 2022; Karras et al. 2022, section 4): through the middle of a step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, ancestral_split, is_leap, steps
from webui.engine.work import Denoise, Task


def dpm2(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Second order: the slope at the geometric middle of the step; the last step is Euler's."""
    for sigma, following in steps(sigmas):
        x, level = options.churn.put_back(x, sigma, len(sigmas) - 1, noise)
        x = yield from _through_the_middle(denoise, x, level, following)
    return x


def dpm2_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """The same to a lower level than asked for, then fresh noise up to it."""
    eta = 1.0 if options.eta is None else options.eta
    for sigma, following in steps(sigmas):
        down, up = ancestral_split(sigma, following, eta)
        x = yield from _through_the_middle(denoise, x, sigma, down)
        if up > 0:
            x = x + noise() * up
    return x


def _through_the_middle(
    denoise: Denoise, x: Tensor, sigma: float, following: float
) -> Task[Tensor]:
    denoised = yield from denoise(x, sigma)
    slope = (x - denoised) / sigma
    if is_leap(sigma, following):
        return denoised + slope * following
    middle = math.sqrt(sigma * following)
    point = x + slope * (middle - sigma)  # (1, C, h, w)
    denoised = yield from denoise(point, middle)
    slope = (point - denoised) / middle
    return x + slope * (following - sigma)
