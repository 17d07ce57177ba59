"""DDIM (Song, Meng & Ermon 2021, equation 12), rewritten for sigma space; DDPM and TCD beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, ancestral_split, steps
from webui.engine.work import Denoise, Task


def ddim(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Clean guess plus the predicted noise at the following level; eta 1 is DDPM, default 0.

    The paper's standard deviation, divided by the square root of alpha, is the ancestral split.
    """
    eta = 0.0 if options.eta is None else options.eta
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        down, up = ancestral_split(sigma, following, eta)
        x = denoised + (x - denoised) * (down / sigma)  # (1, C, h, w)
        if up > 0:
            x = x + noise() * up
    return x


def ddpm(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Ancestral sampling of Ho et al. 2020: as DDIM at eta 1, the variance of its posterior."""
    eta = 1.0 if options.eta is None else options.eta
    return (yield from ddim(denoise, x, sigmas, noise, replace(options, eta=eta)))


def tcd(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Strategic stochastic sampling of trajectory consistency models (Zheng et al. 2024, algorithm 2).

    Down to an earlier timestep than asked for, then fresh noise up to it. Eta, their gamma, is how
    much earlier: 0 walks straight, 1 goes down to clean data as LCM does.
    """
    eta = 0.3 if options.eta is None else options.eta
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        down = 0.0 if following == 0 else options.earlier(following, 1 - eta)
        x = denoised + (x - denoised) * (down / sigma)  # (1, C, h, w)
        if following > down:
            x = x + noise() * math.sqrt(following**2 - down**2)
    return x
