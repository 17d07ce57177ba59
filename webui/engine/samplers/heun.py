"""Heun's method (Karras et al. 2022, algorithm 1)."""

# ruff: noqa: ARG001 - all samplers have one signature, not all need all of it

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from webui.engine.guidance import Denoise
from webui.engine.samplers.common import Noise, SamplerOptions, steps
from webui.engine.work import Task


def heun(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Second order: the mean of the slopes at both ends; the last step, to 0, is Euler's."""
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        slope = (x - denoised) / sigma
        guess = x + slope * (following - sigma)  # (1, C, h, w)
        if following > 0:
            denoised = yield from denoise(guess, following)
            slope = (slope + (guess - denoised) / following) / 2
            guess = x + slope * (following - sigma)
        x = guess
    return x
