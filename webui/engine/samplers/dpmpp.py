"""DPM-Solver++ of second order, multistep (Lu et al. 2022), for the ODE and for the SDE.

Half the log signal-to-noise ratio is lambda = -log(sigma); a step is h long in lambda.
"""

# ruff: noqa: ARG001 - all samplers have one signature, not all need all of it

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, ancestral_split, steps
from webui.engine.work import Denoise, Task


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
    return (
        yield from _two_step_sde(
            denoise, x, sigmas, noise, options, lambda length: -math.expm1(-length) / 2
        )
    )


def dpmpp_2m_sde_heun(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """SDE-DPM-Solver++(2M), Heun's form: the extrapolation is integrated over the step exactly."""
    return (
        yield from _two_step_sde(
            denoise, x, sigmas, noise, options, lambda length: math.expm1(-length) / length + 1
        )
    )


def _two_step_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    options: SamplerOptions,
    bend: Callable[[float], float],
) -> Task[Tensor]:
    """`bend` is the weight of the clean guess's change, by how long a step is with its noise."""
    eta = 1.0 if options.eta is None else options.eta
    previous: Tensor | None = None
    previous_h = 0.0
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        if following == 0:
            return denoised
        h = math.log(sigma / following)
        length = h * (1 + eta)
        x = x * math.exp(-length) - denoised * math.expm1(-length)  # (1, C, h, w)
        if previous is not None:
            x = x + (denoised - previous) * (bend(length) * h / previous_h)
        x = _with_fresh(x, noise, (sigma, following), eta)
        previous, previous_h = denoised, h
    return x


def dpmpp_3m_sde(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """The same of third order: a parabola through the last three clean guesses."""
    eta = 1.0 if options.eta is None else options.eta
    older: list[tuple[float, Tensor]] = []  # (h, clean guess), newest first
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        if following == 0:
            return denoised
        h = math.log(sigma / following)
        length = h * (1 + eta)
        x = x * math.exp(-length) - denoised * math.expm1(-length)  # (1, C, h, w)
        phi2 = math.expm1(-length) / length + 1
        if len(older) == 1:
            x = x + (denoised - older[0][1]) * (phi2 * h / older[0][0])
        elif len(older) == 2:
            near, far = older[0][0] / h, older[1][0] / h
            first = (denoised - older[0][1]) / near
            second = (older[0][1] - older[1][1]) / far
            bend = (first - second) / (near + far)
            x = x + (first + bend * near) * phi2 - bend * (phi2 / length - 0.5)
        x = _with_fresh(x, noise, (sigma, following), eta)
        older = [(h, denoised), *older][:2]
    return x


def _with_fresh(x: Tensor, noise: Noise, between: tuple[float, float], eta: float) -> Tensor:
    """Fresh noise of an SDE step between two levels."""
    if eta == 0:
        return x
    sigma, following = between
    h = math.log(sigma / following)
    return x + noise(between) * (following * math.sqrt(-math.expm1(-2 * eta * h)))


def dpmpp_2s_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """DPM-Solver++(2S) to a lower level than asked for, then fresh noise up to it."""
    eta = 1.0 if options.eta is None else options.eta
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        down, up = ancestral_split(sigma, following, eta)
        if down == 0:
            return denoised
        middle = math.sqrt(sigma * down)
        point = x * (middle / sigma) + denoised * (1 - middle / sigma)  # (1, C, h, w)
        denoised = yield from denoise(point, middle)
        x = x * (down / sigma) + denoised * (1 - down / sigma)
        if up > 0:
            x = x + noise() * up
    return x


def dpmpp_sde(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """SDE-DPM-Solver++ of one step and two stages, through the geometric middle.

    Noise of the half step is the beginning of the whole step's: both are increments of one Brownian
    path.
    """
    eta = 1.0 if options.eta is None else options.eta
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        if following == 0:
            return denoised
        middle = math.sqrt(sigma * following)
        down, up = ancestral_split(sigma, middle, eta)
        point = x * (down / sigma) + denoised * (1 - down / sigma)  # (1, C, h, w)
        if up > 0:
            point = point + noise((sigma, middle)) * up
        denoised = yield from denoise(point, middle)
        down, up = ancestral_split(sigma, following, eta)
        x = x * (down / sigma) + denoised * (1 - down / sigma)
        if up > 0:
            x = x + noise((sigma, following)) * up
    return x
