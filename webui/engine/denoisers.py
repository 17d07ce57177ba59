"""From what a network predicts to a guess of the clean latent.

Samplers work on x = x0 + sigma * noise and want a guess of x0. A latent diffusion network was
trained on sqrt(a) * x0 + sqrt(1 - a) * noise at a discrete timestep, and predicts the noise
(epsilon), the velocity (v, Salimans & Ho 2022) or x0 itself (sample). `NoiseLevels` holds the
translations, after Karras et al. 2022, table 1; between two timesteps it interpolates in log sigma.

A flow-matching network (Lipman et al. 2023) was trained on (1 - t) * x0 + t * noise and predicts
noise - x0 (flow). Divided by 1 - t that is x0 + sigma * noise with sigma = t / (1 - t), so the same
samplers walk it; Euler's step in sigma is Euler's step in t.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from webui.engine.published_levels import STABLE_DIFFUSION, PublishedLevels

EPSILON = "epsilon"
V_PREDICTION = "v_prediction"
SAMPLE = "sample"
FLOW = "flow"
TERMINAL_ALPHA = 4.8973451890853435e-08
"""Cumulated alpha of the last timestep at zero terminal SNR, as AUTOMATIC1111 has it: sigma 4519."""
FLOW_END = 1e-5
"""How far below pure noise a flow begins."""
PREDICTIONS = (EPSILON, V_PREDICTION, SAMPLE)
"""Of networks that were trained on a schedule of alphas."""


@dataclass(frozen=True)
class NoiseLevels:
    """Noise levels that a network was trained on."""

    log_sigmas: tuple[float, ...]
    """Natural logarithm of sigma at timestep 0, 1, ...; ascending."""
    prediction: str
    """'epsilon', 'v_prediction', 'sample' or 'flow'."""
    published: PublishedLevels = STABLE_DIFFUSION
    """Levels that others searched for, for networks of its kind."""

    @classmethod
    def of_flow(cls, shift: float = 1.0, steps: int = 1000) -> NoiseLevels:
        """Of a flow-matching network, whose timesteps are 1000 * t.

        Args:
            shift: Moves t towards noise, as larger pictures need: shift * t / (1 + (shift - 1) * t)
                (Esser et al. 2024, equation 23).
            steps: Levels that are told apart. The last is a hair below pure noise, where sigma has no end.
        """
        times = [min((i + 1) / steps, 1 - FLOW_END) for i in range(steps)]
        shifted = [shift * t / (1 + (shift - 1) * t) for t in times]
        return cls(tuple(math.log(t / (1 - t)) for t in shifted), FLOW)

    @classmethod
    def from_alphas(cls, alphas_cumprod: Sequence[float], prediction: str) -> NoiseLevels:
        """From the cumulated products of alpha of a diffusion schedule.

        Raises:
            ValueError: the prediction is of an unknown kind.
        """
        if prediction not in PREDICTIONS:
            known = ", ".join(repr(name) for name in PREDICTIONS)
            raise ValueError(f"The model predicts {prediction!r}; one of {known} was expected.")
        return cls(tuple(0.5 * math.log((1 - a) / a) for a in alphas_cumprod), prediction)

    def with_zero_terminal_snr(self) -> NoiseLevels:
        """The same levels stretched so that the last is all noise (Lin et al. 2023, algorithm 1).

        All but: sigma would be infinite there, so the signal's share is left at `TERMINAL_ALPHA`.
        """
        if self.prediction == FLOW:
            return self  # its last level is all noise already
        roots = [1 / math.sqrt(1 + math.exp(2 * level)) for level in self.log_sigmas]
        first, last = roots[0], roots[-1]
        stretched = [((root - last) * first / (first - last)) ** 2 for root in roots]
        stretched[-1] = TERMINAL_ALPHA
        levels = NoiseLevels.from_alphas(stretched, self.prediction)
        return replace(levels, published=self.published)

    def in_times(self) -> NoiseLevels:
        """A flow's levels with its times in place of sigma, by which all schedules space it well."""
        times = tuple(level - math.log1p(math.exp(level)) for level in self.log_sigmas)
        return replace(self, log_sigmas=times)

    @property
    def count(self) -> int:
        """Number of training timesteps."""
        return len(self.log_sigmas)

    @property
    def sigma_min(self) -> float:
        """Lowest noise level of training."""
        return math.exp(self.log_sigmas[0])

    @property
    def sigma_max(self) -> float:
        """Highest noise level of training."""
        return math.exp(self.log_sigmas[-1])

    def sigma(self, t: float) -> float:
        """Noise level at a timestep, which may lie between two; clamped to the trained range."""
        low = min(max(int(t), 0), self.count - 2)
        weight = min(max(t - low, 0.0), 1.0)
        return math.exp((1 - weight) * self.log_sigmas[low] + weight * self.log_sigmas[low + 1])

    def timestep(self, sigma: float) -> float:
        """Inverse of `sigma`."""
        wanted = math.log(sigma)
        low = min(max(bisect_right(self.log_sigmas, wanted) - 1, 0), self.count - 2)
        below, above = self.log_sigmas[low], self.log_sigmas[low + 1]
        return low + min(max((wanted - below) / (above - below), 0.0), 1.0)

    def earlier(self, sigma: float, share: float) -> float:
        """Noise level at this share of sigma's timestep, rounded down to a whole one; 0 at share 0."""
        return self.sigma(float(math.floor(self.timestep(sigma) * share))) if share > 0 else 0.0

    def told(self, sigma: float) -> float:
        """The time that the network is told of at this noise level."""
        if self.prediction != FLOW:
            return self.timestep(sigma)
        # Networks tell 999.99 from 1000, and were never asked for the former.
        return 1000.0 if sigma >= self.sigma_max * (1 - 1e-6) else 1000 * sigma / (1 + sigma)

    def scale_input(self, x: Tensor, sigma: float) -> Tensor:
        """What the network is given for x at this noise level."""
        return x / (1 + sigma) if self.prediction == FLOW else x / math.sqrt(sigma**2 + 1)

    def denoised(self, x: Tensor, sigma: float, output: Tensor) -> Tensor:
        """Guess of the clean latent, from the network's output for `scale_input(x, sigma)`."""
        if self.prediction == EPSILON:
            return x - output * sigma
        if self.prediction == SAMPLE:
            return output
        if self.prediction == FLOW:
            return (x - output * sigma) / (1 + sigma)
        variance = sigma**2 + 1
        return x / variance - output * (sigma / math.sqrt(variance))

    def predicted(self, x: Tensor, sigma: float, denoised: Tensor) -> Tensor:
        """Inverse of `denoised`: the network's output that would be this guess."""
        if self.prediction == EPSILON:
            return (x - denoised) / sigma
        if self.prediction == SAMPLE:
            return denoised
        if self.prediction == FLOW:
            return (x - denoised * (1 + sigma)) / sigma
        variance = sigma**2 + 1
        return (x / variance - denoised) * (math.sqrt(variance) / sigma)
