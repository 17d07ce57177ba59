"""A request's walk."""

from __future__ import annotations

import math

import pytest
import torch

from webui.contracts.request import GenerationRequest
from webui.engine.families.parts import noise_levels
from webui.engine.sampling_plan import Walk
from webui.engine.schedules import SCHEDULES, Span

LEVELS = noise_levels({"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"})


def walk(**fields: object) -> Walk:
    fields = {"prompt": "", "steps": 8, "sampler": "Euler", **fields}
    return Walk.of(GenerationRequest.model_validate(fields), LEVELS)


def ones(_: tuple[float, float] | None = None, /) -> torch.Tensor:
    return torch.ones(1, 4, 2, 2)


def test_schedule_settings_reach_the_levels() -> None:
    fields = {"schedule_sigma_min": 0.1, "schedule_sigma_max": 9.0, "schedule_rho": 5.0}
    expected = SCHEDULES["Karras"](LEVELS, 8, Span(0.1, 9.0, 5.0))
    assert walk(schedule="Karras", **fields).sigmas == tuple(expected)
    bent = SCHEDULES["Beta"](LEVELS, 8, Span(alpha=0.9, beta=0.4))
    assert walk(schedule="Beta", beta_alpha=0.9, beta_beta=0.4).sigmas == tuple(bent)
    assert len(walk(discard_penultimate=True).sigmas) == 9
    assert walk(discard_penultimate=True).sigmas[-2] > walk().sigmas[-2]


def test_sampler_settings_reach_the_sampler() -> None:
    options = walk(eta=0.4, sigma_churn=3.0, sigma_tmin=0.5, sigma_tmax=7.0).options
    assert options.eta == 0.4
    assert (options.churn.amount, options.churn.lowest, options.churn.highest) == (3.0, 0.5, 7.0)
    assert walk().options.churn.highest == math.inf
    assert walk(sigma_noise=1.1).fresh == 1.1
    uni = walk(sampler="UniPC", unipc_order=2, unipc_form="bh1").options
    assert (uni.order, uni.unipc_form) == (2, "bh1")
    assert (walk().options.order, walk().options.unipc_form) == (3, "bh2")


def test_the_last_steps_begin_lower() -> None:
    part = walk().last(3)
    assert (part.steps, part.sigmas) == (3, walk().sigmas[-4:])


def test_pure_noise_is_scaled_by_the_first_level_and_by_stabilitys_rule() -> None:
    first = walk().sigmas[0]
    assert float(walk().pure_noise(ones).mean()) == pytest.approx(first)
    scaled = float(walk(sgm_noise_multiplier=True).pure_noise(ones).mean())
    assert scaled == pytest.approx(math.sqrt(1 + first**2))


def test_zero_terminal_snr_begins_with_hardly_any_signal() -> None:
    zero = walk(noise_schedule="Zero Terminal SNR")
    assert zero.sigmas[0] == pytest.approx(4518.7, rel=1e-4)
    assert zero.levels.sigma_min == pytest.approx(LEVELS.sigma_min)
    assert zero.levels.sigma(500) > LEVELS.sigma(500)
    assert zero.levels.timestep(zero.sigmas[0]) == pytest.approx(999)


def test_zero_terminal_snr_is_the_papers_algorithm() -> None:
    from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

    alphas = torch.tensor([1 / (1 + math.exp(2 * level)) for level in LEVELS.log_sigmas]).double()
    betas = 1 - alphas / torch.cat([torch.ones(1, dtype=alphas.dtype), alphas[:-1]])
    theirs = torch.cumprod(1 - rescale_zero_terminal_snr(betas), 0)[:-1]
    stretched = LEVELS.with_zero_terminal_snr().log_sigmas[:-1]
    ours = torch.tensor([1 / (1 + math.exp(2 * level)) for level in stretched]).double()
    assert torch.allclose(ours, theirs, atol=1e-6)
