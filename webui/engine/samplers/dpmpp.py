"""DPM-Solver++ of second order, multistep (Lu et al. 2022), for the ODE and for the SDE.

Half the log signal-to-noise ratio is lambda = -log(sigma); a step is h long in lambda.
"""

# ruff: noqa: ARG001 - all samplers have one signature, not all need all of it

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from webui.engine.guidance import Denoise
from webui.engine.samplers.common import Noise, SamplerOptions, steps
from webui.engine.work import Task


def dpmpp_2m(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """DPM-Solver++(2M): extrapolates the clean guess from the last two; the last step is plain."""
    previous: Tensor | None = None
    previous_h = 0.0
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        if following == 0:
            return denoised
        h = math.log(sigma / following)
        guess = denoised
        if previous is not None:
            guess = denoised + (denoised - previous) * (h / (2 * previous_h))
        x = x * (following / sigma) - guess * math.expm1(-h)  # (1, C, h, w)
        previous, previous_h = denoised, h
    return x


def dpmpp_2m_sde(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """SDE-DPM-Solver++(2M), midpoint form: as above, with fresh noise in every step but the last."""
    eta = 1.0 if options.eta is None else options.eta
    previous: Tensor | None = None
    previous_h = 0.0
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        if following == 0:
            return denoised
        h = math.log(sigma / following)
        weight = -math.expm1(-h * (1 + eta))
        x = x * (following / sigma * math.exp(-eta * h)) + denoised * weight  # (1, C, h, w)
        if previous is not None:
            x = x + (denoised - previous) * (weight * h / (2 * previous_h))
        if eta > 0:
            x = x + noise() * (following * math.sqrt(-math.expm1(-2 * eta * h)))
        previous, previous_h = denoised, h
    return x
