"""ER-SDE-Solver-3 (Cui et al. 2023): the extended reverse-time SDE, third order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, steps
from webui.engine.work import Denoise, Task

POINTS = 200
"""Of the sums that stand for integrals of the noise scale."""

Values = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def noise_scale(sigma: Values) -> Values:
    """The authors' fifth choice of phi, which their tables favour."""
    scale: Values = sigma * (np.exp(sigma**0.3) + 10)
    return scale


def er_sde(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Extrapolates the clean guess from the last three, with the noise that phi leaves room for."""
    spread = 1.0 if options.eta is None else options.eta
    guesses: list[tuple[float, Tensor]] = []  # (sigma, clean guess), newest first
    bend: Tensor | None = None
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        if following == 0:
            return denoised
        here, there = (float(noise_scale(np.array(level))) for level in (sigma, following))
        ratio, length = there / here, following - sigma
        x = x * ratio + denoised * (1 - ratio)  # (1, C, h, w)
        width = -length / POINTS
        places = following + np.arange(POINTS, dtype=np.float64) * width
        inverse = width / noise_scale(places)
        if guesses:
            slope = (denoised - guesses[0][1]) / (sigma - guesses[0][0])
            x = x + slope * (length + float(inverse.sum()) * there)
            if bend is not None:
                second = (slope - bend) / ((sigma - guesses[1][0]) / 2)
                weight = length**2 / 2 + float((inverse * (places - sigma)).sum()) * there
                x = x + second * weight
            bend = slope
        if spread > 0:
            x = x + noise() * (spread * math.sqrt(max(0.0, following**2 - (sigma * ratio) ** 2)))
        guesses = [(sigma, denoised), *guesses][:2]
    return x
