"""DPM-Solver-3 with steps of its own choice (Lu et al. 2022): a fixed budget, or a fixed error.

Time is t = -log(sigma); the slope eps = (x - denoised) / sigma is the network's guess of the noise.
"""

# ruff: noqa: ARG001 - all samplers have one signature, not all need all of it

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, ancestral_split
from webui.engine.work import Denoise, Task

RELATIVE, ABSOLUTE = 0.05, 0.0078
"""Error that a step of DPM adaptive may have; of the latent's values, and at least."""
FIRST_STEP, SAFETY = 0.05, 0.81
MOST_TRIES = 400
"""Steps of DPM adaptive, refused ones too: a network that answers nonsense must not keep it for ever."""


def dpm_fast(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """As few steps of third order as use up the evaluations, evenly spaced in log sigma.

    Of `len(sigmas) - 1` evaluations the last, towards 0, is the clean guess; only the ends of
    `sigmas` count.
    """
    last = sigmas[-1] or sigmas[-2]
    budget = len(sigmas) - (1 if sigmas[-1] > 0 else 2)
    if budget > 0:
        orders = _orders(budget)
        start, end = -math.log(sigmas[0]), -math.log(last)
        times = [start + (end - start) * i / len(orders) for i in range(len(orders) + 1)]
        eta = options.eta or 0.0
        for i, order in enumerate(orders):
            sigma, following = math.exp(-times[i]), math.exp(-times[i + 1])
            down, up = ancestral_split(sigma, following, eta)
            solver = _Solver(denoise, x, sigma)
            x = yield from solver.step(order, down)
            if up > 0:
                x = x + noise() * up
    if sigmas[-1] > 0:
        return x
    return (yield from denoise(x, last))


def _orders(budget: int) -> list[int]:
    """Orders of the steps, whose sum is the budget: threes, and what remains at the end."""
    threes, rest = divmod(budget, 3)
    if rest == 0:
        return [3] * (threes - 1) + [2, 1]
    return [3] * threes + [rest]


def dpm_adaptive(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Steps as long as second and third order agree (DPM-Solver-12's control, appendix C).

    Only the ends of `sigmas` count; how many evaluations it takes depends on the picture.
    """
    last = sigmas[-1] or sigmas[-2]
    t, end, h, before = -math.log(sigmas[0]), -math.log(last), FIRST_STEP, x
    for _ in range(MOST_TRIES):
        if t >= end - 1e-5:
            break
        h = min(h, end - t)
        solver = _Solver(denoise, x, math.exp(-t))
        following = math.exp(-(t + h))
        lower = yield from solver.step(2, following, 1 / 3)
        higher = yield from solver.step(3, following)
        margin = (lower.abs().maximum(before.abs()) * RELATIVE).clamp(min=ABSOLUTE)
        error = float(((lower - higher) / margin).square().mean().sqrt())
        if not math.isfinite(error):  # the network is broken, and no shorter step will mend it
            break
        factor = 1 + math.atan((1e-8 + error) ** (-1 / 3) - 1)
        if factor >= SAFETY:
            before, x, t = lower, higher, t + h
        h *= factor
    if sigmas[-1] > 0:
        return x
    return (yield from denoise(x, last))


class _Solver:
    """Steps of DPM-Solver from one point, which share their evaluations."""

    def __init__(self, denoise: Denoise, x: Tensor, sigma: float) -> None:
        self._denoise, self._x, self._sigma = denoise, x, sigma
        self._known: dict[float, Tensor] = {}

    def step(self, order: int, following: float, share: float = 0.5) -> Task[Tensor]:
        """To the noise level `following`; `share` is where order two looks in between."""
        h = math.log(self._sigma / following)
        eps = yield from self._eps(self._x, self._sigma)
        plain = self._x - eps * (following * math.expm1(h))
        if order == 1:
            return plain
        first = 1 / 3 if order == 3 else share
        s1 = self._sigma * math.exp(-first * h)
        at1 = yield from self._eps(self._x - eps * (s1 * math.expm1(first * h)), s1)
        if order == 2:
            return plain - (at1 - eps) * (following / (2 * first) * math.expm1(h))
        second = 2 / 3
        s2, length = self._sigma * math.exp(-second * h), second * h
        point = self._x - eps * (s2 * math.expm1(length))
        bend = s2 * second / first * (math.expm1(length) / length - 1)
        at2 = yield from self._eps(point - (at1 - eps) * bend, s2)
        return plain - (at2 - eps) * (following / second * (math.expm1(h) / h - 1))

    def _eps(self, x: Tensor, sigma: float) -> Task[Tensor]:
        """The network's guess of the noise; each level is looked at once."""
        if sigma not in self._known:
            denoised = yield from self._denoise(x, sigma)
            self._known[sigma] = (x - denoised) / sigma
        return self._known[sigma]
