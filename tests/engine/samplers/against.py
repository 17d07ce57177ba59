"""The network and the noise that our samplers and diffusers' schedulers are given alike."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.drive import at_once, drive, no_work
from webui.contracts.parameters.sampling import BH2
from webui.engine.denoisers import NoiseLevels
from webui.engine.samplers import SAMPLERS, SamplerOptions

BETAS: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}
STEPS = 12


def network(x: Tensor, t: float) -> Tensor:
    """A smooth stand-in for a network that predicts noise."""
    weight = torch.tensor([[0.8, -0.3], [0.2, 0.6]], dtype=x.dtype)
    return torch.tanh(x @ weight + 0.001 * t)


def levels_of(scheduler: Any) -> NoiseLevels:
    return NoiseLevels.from_alphas(scheduler.alphas_cumprod.double().tolist(), "epsilon")


def ours(
    name: str, levels: NoiseLevels, sigmas: list[float], x: Tensor, order: int, form: str = BH2
) -> Tensor:
    """Where a sampler comes to from x; no noise is expected of it.

    `order` and `form` are UniPC's.
    """

    def guess(x: Tensor, sigma: float) -> Tensor:
        t = levels.timestep(sigma)
        return levels.denoised(x, sigma, network(levels.scale_input(x, sigma), t))

    options = SamplerOptions(order=order, unipc_form=form)
    return drive(SAMPLERS[name](at_once(guess), x, sigmas, lambda _=None: x, options), no_work)


def with_draws(
    name: str,
    levels: NoiseLevels,
    sigmas: list[float],
    x: Tensor,
    draws: Tensor,
    eta: float | None = None,
) -> Tensor:
    """As `ours`, with noise given in order."""

    def guess(x: Tensor, sigma: float) -> Tensor:
        t = levels.timestep(sigma)
        return levels.denoised(x, sigma, network(levels.scale_input(x, sigma), t))

    given, options = iter(draws), SamplerOptions(eta=eta)
    run = SAMPLERS[name](at_once(guess), x, sigmas, lambda _=None: next(given), options)
    return drive(run, no_work)


def walked(scheduler: Any, levels: NoiseLevels, sigmas: list[float], x: Tensor) -> Tensor:
    """Where a variance-preserving scheduler of diffusers comes to from x, both in sigma space."""
    theirs = x / math.hypot(1, sigmas[0])
    for t, sigma in zip(scheduler.timesteps, sigmas, strict=False):
        output = network(theirs, levels.timestep(sigma))
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    return theirs * math.hypot(1, sigmas[-1])


def some_draws() -> Tensor:
    return torch.randn(2 * STEPS, 1, 4, 2, generator=torch.Generator().manual_seed(3)).double()


def give(monkeypatch: pytest.MonkeyPatch, scheduler: Any, draws: Tensor) -> None:
    """Noise for a scheduler of diffusers."""
    given = iter(draws)
    modules = (kind.__module__ for kind in type(scheduler).__mro__)
    module = next(name for name in modules if hasattr(sys.modules[name], "randn_tensor"))
    monkeypatch.setattr(f"{module}.randn_tensor", lambda *_, **__: next(given))


def start() -> Tensor:
    return torch.randn(1, 4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
