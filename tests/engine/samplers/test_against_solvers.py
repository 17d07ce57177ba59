"""DPM-Solver's family, singly and multistep, for the ODE and the SDE, against diffusers' schedulers."""

from __future__ import annotations

import math
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_dpm_cogvideox import CogVideoXDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_dpmsolver_singlestep import DPMSolverSinglestepScheduler
from torch import Tensor

from tests.engine.samplers.against import (
    BETAS,
    STEPS,
    give,
    levels_of,
    network,
    some_draws,
    start,
    walked,
    with_draws,
)
from webui.engine.samplers.dpm_solver import _orders
from webui.engine.schedules import SCHEDULES

THIRD_ORDER: dict[str, Any] = {
    "solver_order": 3,
    "solver_type": "heun",  # of the step that has but two guesses
    "lower_order_final": False,
    "final_sigmas_type": "zero",
    "use_karras_sigmas": True,
}


class Mended(DPMSolverMultistepScheduler):  # type: ignore[misc]
    """Diffusers' with one sign put right.

    Their third-order step of the SDE weighs the second difference of the clean guesses by
    (1 - exp(-l) - l) / l^2 - 1/2, where l = 2h is the step's length with its noise. The integral is that plus
    1/2, as in their own step of the ODE and in k-diffusion: it goes to 0 with l, theirs to -1.
    """

    def multistep_dpm_solver_third_order_update(
        self, model_output_list: list[Tensor], *args: Any, **given: Any
    ) -> Tensor:
        i = self.step_index
        levels = [self.sigmas[j] for j in (i + 1, i, i - 1, i - 2)]
        h, near, far = (torch.log(a / b) for a, b in zip(levels[1:], levels, strict=False))
        newest, older, oldest = (model_output_list[-k] for k in (1, 2, 3))
        bend = ((newest - older) / (near / h) - (older - oldest) / (far / h)) / ((near + far) / h)
        alpha = 1 / torch.sqrt(levels[0] ** 2 + 1)
        there: Tensor = super().multistep_dpm_solver_third_order_update(
            model_output_list, *args, **given
        )
        return there + alpha * bend


def third_order(
    kind: type[DPMSolverMultistepScheduler], algorithm: str, eta: float, patch: pytest.MonkeyPatch
) -> float:
    """Greatest distance of DPM++ 3M SDE from theirs."""
    scheduler = kind(**BETAS, **THIRD_ORDER, algorithm_type=algorithm)
    scheduler.set_timesteps(STEPS)
    levels, draws = levels_of(scheduler), some_draws()
    sigmas = scheduler.sigmas.double().tolist()
    x = start() * math.hypot(1, sigmas[0])
    give(patch, scheduler, draws)
    theirs = walked(scheduler, levels, sigmas, x)
    ours = with_draws("DPM++ 3M SDE", levels, sigmas, x, draws, eta)
    return float((ours - theirs).abs().max())


def test_dpmpp_3m_sde_is_dpm_solver_pp_3m_without_its_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    distance = third_order(DPMSolverMultistepScheduler, "dpmsolver++", 0.0, monkeypatch)
    assert distance < 1e-4


def test_dpmpp_3m_sde_agrees_but_for_a_sign_of_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, theirs ends 9.5 away; its bend does not vanish with the step (`Mended`)."""
    with monkeypatch.context() as patch:
        assert third_order(Mended, "sde-dpmsolver++", 1.0, patch) < 1e-4
    assert third_order(DPMSolverMultistepScheduler, "sde-dpmsolver++", 1.0, monkeypatch) > 1


def set_levels(scheduler: Any, sigmas: list[float]) -> None:
    """Have a scheduler of diffusers stand on these levels."""
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.sigmas = torch.tensor(sigmas, dtype=torch.float64)
    scheduler.set_begin_index(0)


def test_dpmpp_2s_a_is_dpm_solver_pp_2s_without_its_noise() -> None:
    """Every other of their levels is the geometric middle that ours steps through."""
    scheduler = DPMSolverSinglestepScheduler(**BETAS, solver_order=2, lower_order_final=True)
    levels = levels_of(scheduler)
    inner = SCHEDULES["Exponential"](levels, 2 * STEPS + 1)
    set_levels(scheduler, inner)
    sigmas = [*inner[:-1:2], 0.0]
    x = start() * math.hypot(1, sigmas[0])
    theirs = walked(scheduler, levels, inner, x)
    ours = with_draws("DPM++ 2S a", levels, sigmas, x, some_draws(), 0.0)
    assert torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("budget", [9, 10, 11])
def test_dpm_fast_agrees(budget: int) -> None:
    """In steps of three their stages are of the kind that they call 'heun', as in the paper's algorithm 2."""
    scheduler = DPMSolverSinglestepScheduler(
        **BETAS, algorithm_type="dpmsolver", solver_order=3, final_sigmas_type="sigma_min",
        lower_order_final=True,
    )  # fmt: skip
    levels, orders = levels_of(scheduler), _orders(budget)
    high, low = math.log(levels.sigma_max), math.log(levels.sigma_min)
    places = [i + j / order for i, order in enumerate(orders) for j in range(order)]
    inner = [math.exp(high + (low - high) * p / len(orders)) for p in [*places, len(orders)]]
    set_levels(scheduler, inner)
    assert scheduler.order_list == [j + 1 for order in orders for j in range(order)]
    stages = [order == 3 and j == 1 for order in orders for j in range(order)]
    x = start() * math.hypot(1, inner[0])
    theirs = x / math.hypot(1, inner[0])
    for t, sigma, is_stage in zip(scheduler.timesteps, inner, stages, strict=False):
        scheduler.register_to_config(solver_type="heun" if is_stage else "midpoint")
        output = network(theirs, levels.timestep(sigma))
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    theirs = theirs * math.hypot(1, inner[-1])
    sigmas = [inner[0]] * budget + [inner[-1]]  # only the ends count
    ours = with_draws("DPM fast", levels, sigmas, x, some_draws(), 0.0)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_dpmpp_sde_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs imports a package for its noise, which is given here instead."""
    monkeypatch.setitem(sys.modules, "torchsde", ModuleType("torchsde"))
    name = "diffusers.schedulers.scheduling_dpmsolver_sde"
    monkeypatch.delitem(sys.modules, name, raising=False)
    scheduler = import_module(name).DPMSolverSDEScheduler(**BETAS, use_karras_sigmas=True)
    monkeypatch.delitem(sys.modules, name)
    scheduler.set_timesteps(STEPS)
    levels, draws = levels_of(scheduler), some_draws()
    sigmas = SCHEDULES["Karras"](levels, STEPS)
    given = iter(draws)
    scheduler.noise_sampler = lambda *_: next(given)
    x = theirs = start() * sigmas[0]
    for t in scheduler.timesteps:
        output = network(scheduler.scale_model_input(theirs, t), float(t))
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    ours = with_draws("DPM++ SDE", levels, sigmas, x, draws)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_dpmpp_2m_sde_is_the_scheduler_of_cogvideox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs draws twice a step after the first, and keeps the second draw."""
    scheduler = CogVideoXDPMScheduler(**BETAS, snr_shift_scale=1.0)
    scheduler.set_timesteps(STEPS)
    levels, draws = levels_of(scheduler), some_draws()
    times = [int(t) for t in scheduler.timesteps]
    sigmas = [levels.sigma(float(t)) for t in times] + [0.0]
    give(monkeypatch, scheduler, draws[:STEPS].repeat_interleave(2, 0)[1:])
    theirs = start()
    x = theirs * math.hypot(1, sigmas[0])
    guess: Tensor | None = None
    for before, t in zip([None, *times], times, strict=False):
        output = network(theirs, float(t))
        theirs, guess = scheduler.step(output, guess, t, before, theirs)
    ours = with_draws("DPM++ 2M SDE", levels, sigmas, x, draws)
    assert torch.allclose(ours, theirs.double(), atol=1e-4)
