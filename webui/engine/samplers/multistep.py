"""Linear multistep methods: they remember slopes, and so cost one evaluation a step.

The slope d = (x - denoised) / sigma is the network's guess of the noise. The methods differ in how
they weigh the last ones: by the exact integral of the polynomial through them (LMS in sigma, DEIS
in log sigma), or by the constants of Adams and Bashforth, which are exact for even steps only.
"""

# ruff: noqa: ARG001 - all samplers have one signature, not all need all of it

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, steps
from webui.engine.work import Denoise, Task

LMS_ORDER = 4
DEIS_ORDER = 3
ADAMS_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)
"""Weights of the last slopes, newest first, by how many there are."""


def lms(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Adams-Bashforth on uneven steps: integrates the polynomial through the last four slopes."""
    slopes: list[tuple[float, Tensor]] = []  # (sigma, slope), newest first
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        slopes = [(sigma, (x - denoised) / sigma), *slopes][:LMS_ORDER]
        if following == 0:
            return denoised
        x = x + _weighed(slopes, integrals([level for level, _ in slopes], sigma, following))
    return x


def deis(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """DEIS (Zhang and Chen 2023), log-rho: the polynomial goes through the slopes over log sigma."""
    slopes: list[tuple[float, Tensor]] = []  # (sigma, slope), newest first
    for i, (sigma, following) in enumerate(steps(sigmas)):
        denoised = yield from denoise(x, sigma)
        if following == 0:
            return denoised
        slopes = [(sigma, (x - denoised) / sigma), *slopes][:DEIS_ORDER]
        order = min(len(slopes), len(sigmas) - 1 - i)  # falls in the end, as the authors have it
        known = [level for level, _ in slopes[:order]]
        x = x + _weighed(slopes[:order], exponential_integrals(known, sigma, following))
    return x


def ipndm(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Improved PNDM (Zhang and Chen 2023): Adams-Bashforth's constants, the order rising from one to four."""
    slopes: list[Tensor] = []  # newest first
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        if following == 0:
            return denoised
        slopes = [(x - denoised) / sigma, *slopes][: len(ADAMS_BASHFORTH)]
        x = x + _constants(slopes) * (following - sigma)
    return x


def plms(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Pseudo linear multistep (Liu et al. 2022, PNDM): the same, but its first step is Heun's."""
    slopes: list[Tensor] = []  # newest first
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        if following == 0:
            return denoised
        slopes = [(x - denoised) / sigma, *slopes][: len(ADAMS_BASHFORTH)]
        slope = _constants(slopes)
        if len(slopes) == 1:
            point = x + slope * (following - sigma)  # (1, C, h, w)
            denoised = yield from denoise(point, following)
            slope = (slope + (point - denoised) / following) / 2
        x = x + slope * (following - sigma)
    return x


def _constants(slopes: Sequence[Tensor]) -> Tensor:
    weights = ADAMS_BASHFORTH[len(slopes) - 1]
    mean = slopes[0] * weights[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        mean = mean + slope * weight
    return mean


def _weighed(slopes: Sequence[tuple[float, Tensor]], weights: Sequence[float]) -> Tensor:
    total = slopes[0][1] * weights[0]
    for (_, slope), weight in zip(slopes[1:], weights[1:], strict=True):
        total = total + slope * weight
    return total


def integrals(nodes: Sequence[float], start: float, end: float) -> list[float]:
    """Integrals from start to end of the polynomials that are 1 at one node and 0 at the others."""
    scale = end - start  # in units of the step, which keeps the numbers tame
    places = [(node - start) / scale for node in nodes]
    antiderivatives = [np.polyint(_basis(places, j)) for j in range(len(places))]
    return [
        float(np.polyval(poly, 1.0) - np.polyval(poly, 0.0)) * scale for poly in antiderivatives
    ]


def exponential_integrals(nodes: Sequence[float], start: float, end: float) -> list[float]:
    """The same over sigma, of polynomials in log(sigma / end)."""
    places = [math.log(node / end) for node in nodes]
    first = math.log(start / end)
    powers = [end - start]  # of the integral of u^k e^u du, times end
    for k in range(1, len(nodes)):
        powers.append(-(first**k) * start - k * powers[-1])
    return [
        float(sum(c * powers[k] for k, c in enumerate(reversed(_basis(places, j)))))
        for j in range(len(places))
    ]


def _basis(places: Sequence[float], j: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Coefficients, highest power first, of Lagrange's polynomial j."""
    others = [place for i, place in enumerate(places) if i != j]
    scale = math.prod(places[j] - other for other in others)
    return np.atleast_1d(np.poly(others)).astype(np.float64) / scale
