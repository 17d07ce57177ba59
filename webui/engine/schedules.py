"""Noise levels at which a sampler stands, from the levels that the network was trained on.

Each schedule is a function (levels, steps, span) -> steps + 1 descending sigmas, of which the last is
0. Those that count whole timesteps of training (DDIM, Simple, Turbo, LCM) have no use for a span.
The names are those of `contracts/choices.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from webui.contracts.choices import AUTOMATIC, SamplerInfo
from webui.contracts.errors import BadRequest
from webui.engine.denoisers import FLOW, NoiseLevels
from webui.engine.published_levels import LOWEST

Values = NDArray[np.float64]
KARRAS_RHO, POLYEXPONENTIAL_RHO, BETA_SHAPE = 7.0, 1.0, 0.6


@dataclass(frozen=True)
class Span:
    """The ends and the bend of a schedule; None leaves them to the model and the schedule."""

    sigma_min: float | None = None
    sigma_max: float | None = None
    rho: float | None = None
    alpha: float = BETA_SHAPE
    """First exponent of the Beta schedule."""
    beta: float = BETA_SHAPE
    """Second exponent of the Beta schedule."""

    def ends(self, levels: NoiseLevels) -> tuple[float, float]:
        """Highest and lowest noise level, both above 0.

        Raises:
            BadRequest: the lowest is not below the highest.
        """
        high, low = self.sigma_max or levels.sigma_max, self.sigma_min or levels.sigma_min
        if low >= high:
            raise BadRequest(
                f"The schedule would go from sigma {high:.4g} down to {low:.4g}; the lowest must be "
                "below the highest. Change or empty the lowest and the highest sigma."
            )
        return high, low


WHOLE = Span()


class Schedule(Protocol):
    """Noise levels at which a sampler stands."""

    def __call__(self, levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
        """The steps + 1 sigmas, falling to 0."""
        ...


def sigmas_for(
    levels: NoiseLevels,
    steps: int,
    sampler: SamplerInfo,
    schedule: str | Schedule,
    span: Span = WHOLE,
    discard_penultimate: bool = False,
) -> list[float]:
    """The sigmas of a request; 'Automatic' becomes what suits the sampler.

    A schedule is one of SCHEDULES by its name, or a function.

    To discard the penultimate level, one level more is made and the last above 0 left out.
    """
    if schedule == AUTOMATIC:
        schedule = sampler.automatic_schedule
    if not (discard_penultimate or sampler.discards_penultimate):
        return _spaced_by(schedule, levels, steps, span)
    sigmas = _spaced_by(schedule, levels, steps + 1, span)
    return [*sigmas[:-2], sigmas[-1]]


def _spaced_by(
    schedule: str | Schedule, levels: NoiseLevels, steps: int, span: Span
) -> list[float]:
    """A flow is spaced by its times, of which a span's ends are then two: its sigmas have no end."""
    spaced = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    if levels.prediction != FLOW:
        return spaced(levels, steps, span)
    times = spaced(levels.in_times(), steps, span)
    return [time / (1 - min(time, 1 - 1e-7)) for time in times]


def uniform(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """Evenly spaced timesteps, first and last of training included."""
    return _at_timesteps(levels, _spaced(*_timesteps(levels, span), steps))


def karras(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """Evenly spaced in sigma ** (1 / rho): Karras et al. 2022, equation 5."""
    rho = span.rho or KARRAS_RHO
    high, low = (level ** (1 / rho) for level in span.ends(levels))
    return [root**rho for root in _spaced(high, low, steps)] + [0.0]


def exponential(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """Evenly spaced in log sigma."""
    high, low = (math.log(level) for level in span.ends(levels))
    return [math.exp(level) for level in _spaced(high, low, steps)] + [0.0]


def sgm_uniform(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """Evenly spaced timesteps, of which the step to the last of training is the step to 0."""
    return _at_timesteps(levels, _spaced(*_timesteps(levels, span), steps + 1)[:-1])


def ddim(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:  # noqa: ARG001
    """Timesteps 1, 1 + n, 1 + 2n ... as in the DDIM authors' code; denser where steps abound."""
    stride = levels.count // steps
    if stride < 1 or (steps - 1) * stride + 1 > levels.count - 1:
        return _at_timesteps(levels, _spaced(levels.count - 1, 1, steps))
    return _at_timesteps(levels, [1.0 + stride * i for i in reversed(range(steps))])


def polyexponential(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """Log sigma falls with the place to the power of rho (Crowson's k-diffusion)."""
    high, low = (math.log(level) for level in span.ends(levels))
    rho = span.rho or POLYEXPONENTIAL_RHO
    places = _spaced(1.0, 0.0, steps)
    return [math.exp(low + place**rho * (high - low)) for place in places] + [0.0]


def kl_optimal(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """Evenly spaced in the arc tangent of sigma (Sabour et al. 2024, theorem 3.1)."""
    high, low = (math.atan(level) for level in span.ends(levels))
    return [math.tan(angle) for angle in _spaced(high, low, steps)] + [0.0]


def align_your_steps(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """Levels that were optimised for the model's kind (Sabour et al. 2024, Align Your Steps)."""
    return _published(levels.published.aligned, levels, steps, span)


def align_your_steps_32(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """The same from a table of 32 levels, of which the last lies below those of training."""
    return _published(levels.published.aligned_fine, levels, steps, span)


def gits(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """Levels by the bend of sampling trajectories (Chen et al. 2024, GITS): dense where noise is low."""
    return _published(levels.published.trajectory, levels, steps, span)


def _published(table: Sequence[float], levels: NoiseLevels, steps: int, span: Span) -> list[float]:
    """A table's levels, in between by their logarithms, stretched from Stable Diffusion's range to the model's."""
    known = np.log(table)
    places = np.linspace(0, len(table) - 1, steps)
    between = np.interp(places, np.arange(len(table)), known)
    bottom = known[-1] if span.sigma_min else math.log(LOWEST)
    shares = (between - bottom) / (known[0] - bottom)
    high, low = (math.log(level) for level in span.ends(levels))
    return [math.exp(low + float(share) * (high - low)) for share in shares] + [0.0]


def simple(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:  # noqa: ARG001
    """Timesteps at equal strides from the last one down, rounded up to whole ones."""
    stride = levels.count / steps
    return _at_timesteps(levels, [levels.count - 1.0 - int(i * stride) for i in range(steps)])


def beta(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
    """Sigmas at even quantiles of a beta distribution (Lee et al. 2024)."""
    shares = np.linspace(1, 0, steps, dtype=np.float64)
    quantiles = _beta_quantiles(shares, span.alpha, span.beta)
    high, low = span.ends(levels)
    return [low + float(q) * (high - low) for q in quantiles] + [0.0]


def _beta_quantiles(shares: Values, alpha: float, beta: float, points: int = 20_001) -> Values:
    """Inverse of the distribution function, by summing its density over x = sin(angle) ** 2.

    In the angle the density has no poles; the sum is right to a part in a million.
    """
    angles = np.linspace(0, math.pi / 2, points)
    middles = (angles[1:] + angles[:-1]) / 2
    density = np.sin(middles) ** (2 * alpha - 1) * np.cos(middles) ** (2 * beta - 1)
    total = np.concatenate([[0.0], np.cumsum(density)])
    quantiles: Values = np.sin(np.interp(shares, total / total[-1], angles)) ** 2
    return quantiles


def turbo(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:  # noqa: ARG001
    """The last of training and whole timesteps at equal strides before it."""
    stride = levels.count / steps
    timesteps = [float(round(stride * i - 1)) for i in range(steps, 0, -1)]
    return _at_timesteps(levels, [max(t, 0.0) for t in timesteps])


LCM_POINTS = 50
"""Timesteps, evenly spaced up to the last, that latent consistency models were distilled at."""


def lcm(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:  # noqa: ARG001
    """Of the timesteps of distillation, so many at even places from the last down (Luo et al. 2023).

    Where there are not so many, evenly spaced ones between the last and the first of them.
    """
    points = min(LCM_POINTS, levels.count)
    stride = levels.count // points
    taught = [float(stride * i - 1) for i in range(points, 0, -1)]
    if steps > points:
        return _at_timesteps(levels, _spaced(taught[0], taught[-1], steps))
    return _at_timesteps(levels, [taught[i * points // steps] for i in range(steps)])


SCHEDULES: Mapping[str, Schedule] = {
    "Uniform": uniform,
    "Karras": karras,
    "Exponential": exponential,
    "Polyexponential": polyexponential,
    "SGM Uniform": sgm_uniform,
    "KL Optimal": kl_optimal,
    "Align Your Steps": align_your_steps,
    "Simple": simple,
    "Normal": uniform,  # the first and the last level of training are its ends
    "DDIM": ddim,
    "Beta": beta,
    "Turbo": turbo,
    "Align Your Steps GITS": gits,
    "Align Your Steps 32": align_your_steps_32,
    "LCM": lcm,
}


def _timesteps(levels: NoiseLevels, span: Span) -> tuple[float, float]:
    """First and last timestep of a span."""
    high, low = span.ends(levels)
    return levels.timestep(high), levels.timestep(low)


def _at_timesteps(levels: NoiseLevels, timesteps: Sequence[float]) -> list[float]:
    return [levels.sigma(t) for t in timesteps] + [0.0]


def _spaced(first: float, last: float, count: int) -> list[float]:
    if count == 1:
        return [float(first)]
    return [first + (last - first) * i / (count - 1) for i in range(count)]
