"""Samplers with options, of EDM's networks and of flows, against diffusers' schedulers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddim_cogvideox import CogVideoXDDIMScheduler
from diffusers.schedulers.scheduling_deis_multistep import DEISMultistepScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_edm_dpmsolver_multistep import EDMDPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_edm_euler import EDMEulerScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_heun_discrete import FlowMatchHeunDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_lcm import FlowMatchLCMScheduler
from diffusers.schedulers.scheduling_ipndm import IPNDMScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from tests.engine.drive import at_once, drive, no_work
from tests.engine.samplers.against import (
    BETAS,
    STEPS,
    give,
    levels_of,
    network,
    ours,
    some_draws,
    start,
    with_draws,
)
from webui.engine.denoisers import NoiseLevels
from webui.engine.samplers import SAMPLERS, Churn, SamplerOptions
from webui.engine.schedules import SCHEDULES


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_ddim_with_fresh_noise_agrees(eta: float, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = DDIMScheduler(**BETAS, clip_sample=False)
    scheduler.set_timesteps(STEPS)
    levels, draws = levels_of(scheduler), some_draws()
    sigmas = [levels.sigma(float(t)) for t in scheduler.timesteps] + [0.0]
    theirs = start()
    x = theirs * math.hypot(1, sigmas[0])
    give(monkeypatch, scheduler, draws)
    for t in scheduler.timesteps:
        output = network(theirs, float(t))
        theirs = scheduler.step(output, t, theirs, eta=eta).prev_sample.double()
    assert torch.allclose(with_draws("DDIM", levels, sigmas, x, draws, eta), theirs, atol=1e-4)


def test_ddim_is_the_scheduler_of_cogvideox() -> None:
    scheduler = CogVideoXDDIMScheduler(**BETAS, snr_shift_scale=1.0)
    scheduler.set_timesteps(STEPS)
    levels = levels_of(scheduler)
    sigmas = [levels.sigma(float(t)) for t in scheduler.timesteps] + [0.0]
    theirs = start()
    x = theirs * math.hypot(1, sigmas[0])
    for t in scheduler.timesteps:
        theirs = scheduler.step(network(theirs, float(t)), t, theirs).prev_sample.double()
    assert torch.allclose(ours("DDIM", levels, sigmas, x, 2), theirs, atol=1e-4)


def test_ipndm_agrees() -> None:
    """Theirs has levels of its own and wants the velocity; both are given those of Stable Diffusion.

    But for the last step: ours, to 0, is the clean guess, theirs of fourth order, too (2e-4 apart).
    """
    levels = levels_of(EulerDiscreteScheduler(**BETAS))
    sigmas = SCHEDULES["Karras"](levels, STEPS)
    scheduler = IPNDMScheduler(trained_betas=[s / math.hypot(1, s) for s in sigmas])
    scheduler.set_timesteps(STEPS)
    theirs = start()
    x = theirs * math.hypot(1, sigmas[0])
    for t, sigma in zip(scheduler.timesteps[:-1], sigmas, strict=False):
        alpha = 1 / math.hypot(1, sigma)
        noise = network(theirs, levels.timestep(sigma))
        velocity = (noise - sigma * alpha * theirs) / alpha
        theirs = scheduler.step(velocity, t, theirs).prev_sample.double()
    theirs = theirs * math.hypot(1, sigmas[-2])
    assert torch.allclose(ours("iPNDM", levels, sigmas[:-1], x, 4), theirs, atol=1e-4)


def test_euler_with_churn_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs is asked, as in the paper, with the noise put back; its pipelines ask before that."""
    scheduler = EulerDiscreteScheduler(**BETAS, timestep_spacing="linspace")
    scheduler.set_timesteps(STEPS)
    levels, draws = levels_of(scheduler), some_draws()
    churn = Churn(3.0, lowest=0.1, highest=8.0)
    sigmas = SCHEDULES["Uniform"](levels, STEPS)
    raised = [level for level in sigmas if churn.raised(level, STEPS) > level]
    assert 0 < len(raised) < STEPS
    x = theirs = start() * sigmas[0]
    give(monkeypatch, scheduler, draws)
    given = iter(draws)
    for t, sigma in zip(scheduler.timesteps, sigmas, strict=False):
        shown, level = churn.put_back(theirs, sigma, STEPS, lambda _=None: next(given))
        output = network(levels.scale_input(shown, level), levels.timestep(level))
        theirs = scheduler.step(
            output, t, theirs, s_churn=3.0, s_tmin=0.1, s_tmax=8.0
        ).prev_sample.double()

    def guess(x: Tensor, sigma: float) -> Tensor:
        output = network(levels.scale_input(x, sigma), levels.timestep(sigma))
        return levels.denoised(x, sigma, output)

    again = iter(draws)
    options = SamplerOptions(churn=churn)
    run = SAMPLERS["Euler"](at_once(guess), x, sigmas, lambda _=None: next(again), options)
    assert torch.allclose(drive(run, no_work), theirs, atol=1e-4)


EDM = [
    ("Euler", EDMEulerScheduler, {}),
    ("DPM++ 2M", EDMDPMSolverMultistepScheduler, {}),
    ("DPM++ 2M SDE", EDMDPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
]


@pytest.mark.parametrize(("name", "kind", "options"), EDM)
def test_they_walk_networks_of_edm_as_its_schedulers_do(
    name: str, kind: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """EDM's preconditioning is another way to a clean guess; a sampler sees the guess alone."""
    scheduler = kind(sigma_min=0.01, sigma_max=20.0, **options)
    scheduler.set_timesteps(STEPS)
    sigmas, draws = scheduler.sigmas.double().tolist(), some_draws()
    x = theirs = start() * sigmas[0]
    if options:
        give(monkeypatch, scheduler, draws)

    def guess(x: Tensor, sigma: float) -> Tensor:
        level = torch.tensor(sigma, dtype=torch.float64)
        inputs = scheduler.precondition_inputs(x, level)
        output = network(inputs, float(scheduler.precondition_noise(level)))
        made: Tensor = scheduler.precondition_outputs(x, output, level)
        return made

    for t in scheduler.timesteps:
        output = network(scheduler.scale_model_input(theirs, t), float(t))
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    given = iter(draws)
    run = SAMPLERS[name](at_once(guess), x, sigmas, lambda _=None: next(given), SamplerOptions())
    assert torch.allclose(drive(run, no_work), theirs, atol=1e-4)


def flow_guess(levels: NoiseLevels) -> Callable[[Tensor, float], Tensor]:
    def guess(x: Tensor, sigma: float) -> Tensor:
        inputs = levels.scale_input(x, sigma)
        return levels.denoised(x, sigma, network(inputs, levels.told(sigma)))

    return guess


def over_flow(name: str, times: list[float], draws: Tensor, order: int = 2) -> Tensor:
    """Where a sampler comes to over the times of a flow, from `start()`."""
    sigmas = [t / (1 - t) for t in times]
    levels, given = NoiseLevels.of_flow(1.0), iter(draws)
    x = start() * (1 + sigmas[0])
    options = SamplerOptions(order=order)
    task = SAMPLERS[name](
        at_once(flow_guess(levels)), x, sigmas, lambda _=None: next(given), options
    )
    return drive(task, no_work)


FLOWS = [
    ("DPM++ 2M", DPMSolverMultistepScheduler, {}),
    ("DPM++ 2M SDE", DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    ("UniPC", UniPCMultistepScheduler, {}),
    ("DEIS", DEISMultistepScheduler, {"solver_order": 3}),
]


@pytest.mark.parametrize(("name", "kind", "options"), FLOWS)
def test_solvers_walk_flows_as_their_schedulers_do(
    name: str, kind: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In signal-to-noise a flow is a diffusion like any other."""
    scheduler = kind(prediction_type="flow_prediction", use_flow_sigmas=True, **options)
    scheduler.set_timesteps(STEPS)
    times, draws = scheduler.sigmas.double().tolist(), some_draws()
    if "algorithm_type" in options:
        give(monkeypatch, scheduler, draws)
    theirs = start()
    for t, time in zip(scheduler.timesteps, times, strict=False):
        output = network(theirs, 1000 * time)
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    theirs = theirs / (1 - times[-1])
    made = over_flow(name, times, draws, options.get("solver_order", 2))
    assert torch.allclose(made, theirs, atol=1e-4)


def test_lcm_walks_a_flow_as_its_scheduler_does(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = FlowMatchLCMScheduler()
    scheduler.set_timesteps(sigmas=[1 - 1e-4, 0.75, 0.5, 0.25])
    times, draws = scheduler.sigmas.double().tolist(), some_draws()
    give(monkeypatch, scheduler, draws)
    theirs = start()
    for t in scheduler.timesteps:
        theirs = scheduler.step(network(theirs, float(t)), t, theirs).prev_sample.double()
    assert torch.allclose(over_flow("LCM", times, draws), theirs, atol=1e-4)


def test_heun_of_a_flow_is_another_method_than_theirs() -> None:
    """Theirs averages slopes over the flow's time, ours over sigma: both of second order, to one end.

    With 16 steps they are 1.1 apart, with 64 0.015.
    """

    def distance(steps: int) -> float:
        scheduler = FlowMatchHeunDiscreteScheduler()
        scheduler.set_timesteps(steps)
        scheduler.sigmas = scheduler.sigmas.clamp(max=1 - 1e-4)  # sigma has no end at 1
        scheduler.set_begin_index(0)
        times = scheduler.sigmas.double().unique().flip(0).tolist()
        theirs = start()
        for t in scheduler.timesteps:
            theirs = scheduler.step(network(theirs, float(t)), t, theirs).prev_sample.double()
        return float((over_flow("Heun", times, some_draws()) - theirs).abs().max())

    assert distance(16) > 0.1
    assert distance(64) < distance(16) / 4**2
