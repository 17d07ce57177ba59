"""UniPC (Zhao et al. 2023): predictor and corrector in one, multistep, with either of the paper's B(h).

Data prediction in sigma space. The corrector at a level reuses the evaluation that the next
predictor needs anyway, so a step costs one evaluation.
"""

# ruff: noqa: ARG001 - all samplers have one signature, not all need all of it

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from webui.contracts.parameters.sampling import BH1
from webui.engine.samplers.common import Noise, SamplerOptions
from webui.engine.work import Denoise, Task


@dataclass(frozen=True, eq=False)
class _Step:
    """A predictor step that the corrector may refine."""

    base: Tensor
    """First-order result at the step's end."""
    origin: Tensor
    """Clean guess at the step's start."""
    ratios: list[float]
    """Place of each older guess on the lambda axis, in units of the step; negative."""
    differences: list[Tensor]
    """(older guess - origin) / ratio."""
    h: float
    scale: float
    """B(h) of the paper, of -h: what the weights are divided and the differences multiplied by."""


def unipc(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """UniPC-p with `options.order` as p; the order rises at the start and falls at the end.

    B(h) is h itself with the form 'bh1' and e^h - 1 with 'bh2': both are of the same order, and bend otherwise
    in long steps. At order two the predictor is the same but for B(h).
    """
    history: list[tuple[float, Tensor]] = []  # (sigma, clean guess), newest last
    count = len(sigmas) - 1
    step: _Step | None = None
    for i in range(count):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = yield from denoise(x, sigma)
        if step is not None:
            x = _correct(step, denoised)
        if following == 0:
            return denoised
        history = [*history, (sigma, denoised)][-options.order :]
        order = min(options.order, len(history), count - i)
        step = _prepare(x, following, history[-order:], options.unipc_form)
        x = _predict(step)
    return x


def _prepare(
    x: Tensor, following: float, history: Sequence[tuple[float, Tensor]], form: str
) -> _Step:
    sigma, origin = history[-1]
    h = math.log(sigma / following)
    ratios = [math.log(sigma / old) / h for old, _ in reversed(history[:-1])]
    guesses = [guess for _, guess in reversed(history[:-1])]
    differences = [(g - origin) / ratio for g, ratio in zip(guesses, ratios, strict=True)]
    base = x * (following / sigma) - origin * math.expm1(-h)
    return _Step(base, origin, ratios, differences, h, -h if form == BH1 else math.expm1(-h))


def _predict(step: _Step) -> Tensor:
    weights = [0.5] if len(step.ratios) == 1 else _weights(step.ratios, step)
    return _combine(step, weights, step.differences)


def _correct(step: _Step, denoised: Tensor) -> Tensor:
    weights = _weights([*step.ratios, 1.0], step) if step.ratios else [0.5]
    return _combine(step, weights, [*step.differences, denoised - step.origin])


def _combine(step: _Step, weights: Sequence[float], differences: Sequence[Tensor]) -> Tensor:
    x = step.base
    for weight, difference in zip(weights, differences, strict=True):
        x = x - difference * (weight * step.scale)
    return x


def _weights(ratios: Sequence[float], step: _Step) -> list[float]:
    """Solve the order conditions, equation 5 of the paper, for the weights of the differences."""
    if not ratios:
        return []
    h = step.h
    phi = math.expm1(-h) / -h - 1
    factorial = 1.0
    right = []
    for k in range(1, len(ratios) + 1):
        right.append(phi * factorial / step.scale)
        factorial *= k + 1
        phi = phi / -h - 1 / factorial
    matrix = [[ratio**power for ratio in ratios] for power in range(len(ratios))]
    return [float(weight) for weight in np.linalg.solve(np.array(matrix), np.array(right))]
