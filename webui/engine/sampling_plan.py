"""Where a picture is walked from noise: sampler, noise levels and options, from a request."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from torch import Tensor

from webui.contracts.choices import SamplerInfo
from webui.contracts.parameters.sampling import ZERO_TERMINAL_SNR
from webui.contracts.request import GenerationRequest
from webui.engine.denoisers import FLOW, NoiseLevels
from webui.engine.extending import UNEXTENDED, Extending
from webui.engine.samplers.common import Churn, Noise, SamplerOptions
from webui.engine.schedules import Span, sigmas_for


@dataclass(frozen=True)
class Walk:
    """The way from noise to a clean latent: by which sampler, over which noise levels."""

    sampler: SamplerInfo
    sigmas: tuple[float, ...]
    """Levels at which the steps begin, falling, and 0."""
    levels: NoiseLevels
    """What the network is told of a level."""
    options: SamplerOptions
    fresh: float = 1.0
    """Strength of the noise that a stochastic sampler adds."""
    sgm_multiplier: bool = False
    """Whether pure noise is scaled by the root of 1 + sigma squared."""
    extensions: Extending = UNEXTENDED
    """What takes part in it."""

    @classmethod
    def of(
        cls, request: GenerationRequest, levels: NoiseLevels, extensions: Extending = UNEXTENDED
    ) -> Walk:
        """All steps that a request asks for, of a model with these levels.

        Raises:
            BadRequest: its sampler or schedule is an extension's, and not among `extensions`.
        """
        sampler = extensions.sampler_info(request.sampler)
        if request.flow_shift is not None and levels.prediction == FLOW:
            levels = NoiseLevels.of_flow(request.flow_shift)
        if request.noise_schedule == ZERO_TERMINAL_SNR:
            levels = levels.with_zero_terminal_snr()
        sigmas = sigmas_for(
            levels,
            request.steps,
            sampler,
            extensions.schedule(request.schedule),
            _span(request),
            request.discard_penultimate,
        )
        highest = math.inf if request.sigma_tmax is None else request.sigma_tmax
        churn = Churn(request.sigma_churn, request.sigma_tmin, highest)
        return cls(
            sampler,
            tuple(sigmas),
            levels,
            SamplerOptions(
                eta=request.eta,
                churn=churn,
                order=request.unipc_order,
                unipc_form=request.unipc_form,
                earlier=levels.earlier,
            ),
            request.sigma_noise,
            request.sgm_noise_multiplier,
            extensions,
        )

    @property
    def steps(self) -> int:
        """How many."""
        return len(self.sigmas) - 1

    def last(self, steps: int) -> Walk:
        """The last `steps` of it."""
        return replace(self, sigmas=self.sigmas[-steps - 1 :])

    def pure_noise(self, noise: Noise) -> Tensor:
        """What a picture from nothing begins with."""
        first = self.sigmas[0]
        return noise() * (math.hypot(1, first) if self.sgm_multiplier else first)

    def noised(self, latent: Tensor, noise: Noise, strength: float = 1.0) -> Tensor:
        """What a picture from a clean latent begins with: it, under noise of this strength."""
        return latent + noise() * (self.sigmas[0] * strength)


def _span(request: GenerationRequest) -> Span:
    return Span(
        request.schedule_sigma_min,
        request.schedule_sigma_max,
        request.schedule_rho,
        request.beta_alpha,
        request.beta_beta,
    )
