"""Restart (Xu et al. 2023): back up with fresh noise near the end, and down again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, steps
from webui.engine.samplers.heun import heun_step
from webui.engine.work import Denoise, Task

LOW, HIGH = 0.1, 2.0
"""Noise levels between which it goes up and down again."""
FEWEST, MANY = 20, 36
"""Steps from which on it restarts, and restarts twice."""
RHO = 7.0


def restart(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Heun's steps on Karras' levels; some are kept for the restart, so the count is as asked for."""
    spread = 1.0 if options.eta is None else options.eta
    level = sigmas[0]
    for sigma, following in _walk(sigmas):
        if sigma > level:
            x = x + noise() * (spread * (sigma**2 - level**2) ** 0.5)  # (1, C, h, w)
        x = yield from heun_step(denoise, x, sigma, following)
        level = following
    return x


def _walk(sigmas: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Pairs of levels in the order in which they are walked; a rise in between is fresh noise's."""
    count = len(sigmas) - 1
    if count < FEWEST or sigmas[-1] > 0:
        yield from steps(sigmas)
        return
    length, times = (count // 4, 2) if count >= MANY else (9, 1)
    main = [*_karras(count - length * times, sigmas[0], sigmas[-2]), 0.0]
    low = min(range(len(main)), key=lambda i: abs(main[i] - LOW))
    high = min(range(len(main)), key=lambda i: abs(main[i] - HIGH))
    for i, pair in enumerate(steps(main)):
        yield pair
        if i + 1 == low and high < low:
            again = _karras(length + 1, main[high], main[low])
            for _ in range(times):
                yield from steps(again)


def _karras(count: int, high: float, low: float) -> list[float]:
    if count == 1:
        return [high]
    top, bottom = high ** (1 / RHO), low ** (1 / RHO)
    return [(top + (bottom - top) * i / (count - 1)) ** RHO for i in range(count)]
