"""Noise levels at which a sampler stands, from the levels that the network was trained on.

Each schedule is a function (levels, steps) -> steps + 1 descending sigmas, of which the last is 0.
The names are those of `contracts/choices.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from webui.contracts.choices import AUTOMATIC, SAMPLERS
from webui.engine.denoisers import NoiseLevels

Schedule = Callable[[NoiseLevels, int], list[float]]
RHO = 7.0


def sigmas_for(levels: NoiseLevels, steps: int, sampler: str, schedule: str) -> list[float]:
    """The sigmas of a request, from its names; 'Automatic' becomes what suits the sampler."""
    if schedule == AUTOMATIC:
        schedule = next(info.automatic_schedule for info in SAMPLERS if info.name == sampler)
    return SCHEDULES[schedule](levels, steps)


def uniform(levels: NoiseLevels, steps: int) -> list[float]:
    """Evenly spaced timesteps, first and last of training included."""
    return _at_timesteps(levels, _spaced(levels.count - 1, 0, steps))


def karras(levels: NoiseLevels, steps: int) -> list[float]:
    """Evenly spaced in sigma ** (1 / rho): Karras et al. 2022, equation 5."""
    high, low = levels.sigma_max ** (1 / RHO), levels.sigma_min ** (1 / RHO)
    return [root**RHO for root in _spaced(high, low, steps)] + [0.0]


def exponential(levels: NoiseLevels, steps: int) -> list[float]:
    """Evenly spaced in log sigma."""
    high, low = levels.log_sigmas[-1], levels.log_sigmas[0]
    return [math.exp(level) for level in _spaced(high, low, steps)] + [0.0]


def sgm_uniform(levels: NoiseLevels, steps: int) -> list[float]:
    """Evenly spaced timesteps, of which the step to the last of training is the step to 0."""
    return _at_timesteps(levels, _spaced(levels.count - 1, 0, steps + 1)[:-1])


def ddim(levels: NoiseLevels, steps: int) -> list[float]:
    """Timesteps 1, 1 + n, 1 + 2n ... as in the DDIM authors' code; denser where steps abound."""
    stride = levels.count // steps
    if stride < 1 or (steps - 1) * stride + 1 > levels.count - 1:
        return _at_timesteps(levels, _spaced(levels.count - 1, 1, steps))
    return _at_timesteps(levels, [1.0 + stride * i for i in reversed(range(steps))])


SCHEDULES: Mapping[str, Schedule] = {
    "Uniform": uniform,
    "Karras": karras,
    "Exponential": exponential,
    "SGM Uniform": sgm_uniform,
    "DDIM": ddim,
}


def _at_timesteps(levels: NoiseLevels, timesteps: Sequence[float]) -> list[float]:
    return [levels.sigma(t) for t in timesteps] + [0.0]


def _spaced(first: float, last: float, count: int) -> list[float]:
    if count == 1:
        return [float(first)]
    return [first + (last - first) * i / (count - 1) for i in range(count)]
