"""Euler's method, plain and ancestral (Karras et al. 2022, algorithm 2)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, ancestral_split, steps
from webui.engine.work import Denoise, Task


def euler(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """First order: one straight step along the present slope."""
    for sigma, following in steps(sigmas):
        x, level = options.churn.put_back(x, sigma, len(sigmas) - 1, noise)
        denoised = yield from denoise(x, level)
        # Not x + slope * step: at the levels of a flow, which have no end, that cancels.
        x = denoised + (x - denoised) * (following / level)  # (1, C, h, w)
    return x


def euler_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Euler's step to a lower level than asked for, then fresh noise up to it."""
    eta = 1.0 if options.eta is None else options.eta
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        down, up = ancestral_split(sigma, following, eta)
        x = denoised + (x - denoised) * (down / sigma)  # (1, C, h, w)
        if up > 0:
            x = x + noise() * up
    return x
