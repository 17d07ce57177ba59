"""Our samplers and diffusers' schedulers, on the same network and noise."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers import scheduling_lms_discrete
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_deis_multistep import DEISMultistepScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
    EulerAncestralDiscreteScheduler,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from diffusers.schedulers.scheduling_k_dpm_2_ancestral_discrete import (
    KDPM2AncestralDiscreteScheduler,
)
from diffusers.schedulers.scheduling_k_dpm_2_discrete import KDPM2DiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from diffusers.schedulers.scheduling_tcd import TCDScheduler
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
from webui.contracts.choices import AUTOMATIC
from webui.contracts.choices import SAMPLERS as INFOS
from webui.contracts.parameters.sampling import BH2
from webui.engine.denoisers import NoiseLevels
from webui.engine.samplers import SAMPLERS, SamplerOptions
from webui.engine.schedules import SCHEDULES, sigmas_for

OLD_NUMPY = pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")
"""Diffusers' DPM2 hands tensors to numpy."""

SIGMA_SPACE = [
    ("Euler", EulerDiscreteScheduler, {"timestep_spacing": "linspace"}, "Uniform"),
    ("Euler", EulerDiscreteScheduler, {"use_karras_sigmas": True}, "Karras"),
    ("Euler", EulerDiscreteScheduler, {"use_exponential_sigmas": True}, "Exponential"),
    ("Heun", HeunDiscreteScheduler, {"timestep_spacing": "linspace"}, "Uniform"),
    ("DPM2", KDPM2DiscreteScheduler, {"timestep_spacing": "linspace"}, "Uniform"),
]


@OLD_NUMPY
@pytest.mark.parametrize(("name", "kind", "options", "schedule"), SIGMA_SPACE)
def test_sigma_space_schedulers_agree(
    name: str, kind: Any, options: dict[str, Any], schedule: str
) -> None:
    scheduler = kind(**BETAS, **options)
    scheduler.set_timesteps(STEPS)
    levels = levels_of(scheduler)
    sigmas = SCHEDULES[schedule](levels, STEPS)
    assert sigmas == pytest.approx(scheduler.sigmas.unique().flip(0).tolist(), rel=2e-4)
    x = theirs = start() * sigmas[0]
    for t in scheduler.timesteps:
        output = network(scheduler.scale_model_input(theirs, t), float(t))
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    assert torch.allclose(ours(name, levels, sigmas, x, 2), theirs, atol=1e-4)


STOCHASTIC = [
    ("Euler a", EulerAncestralDiscreteScheduler, {"timestep_spacing": "linspace"}, "Uniform"),
    ("DPM2 a", KDPM2AncestralDiscreteScheduler, {"timestep_spacing": "linspace"}, "Uniform"),
]


@OLD_NUMPY
@pytest.mark.parametrize(("name", "kind", "options", "schedule"), STOCHASTIC)
def test_ancestral_schedulers_agree(
    name: str, kind: Any, options: dict[str, Any], schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = kind(**BETAS, **options)
    scheduler.set_timesteps(STEPS)
    levels, draws = levels_of(scheduler), some_draws()
    sigmas = SCHEDULES[schedule](levels, STEPS)
    x = theirs = start() * sigmas[0]
    give(monkeypatch, scheduler, draws)
    for t in scheduler.timesteps:
        output = network(scheduler.scale_model_input(theirs, t), float(t))
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    assert torch.allclose(with_draws(name, levels, sigmas, x, draws), theirs, atol=1e-4)


def quadrature(f: Any, start: float, end: float, **_: object) -> tuple[float, float]:
    """What `scipy.integrate.quad` gives for a polynomial of low degree; diffusers' LMS asks it."""
    places, weights = np.polynomial.legendre.leggauss(8)
    half = (end - start) / 2
    return float(
        sum(w * f(start + half * (1 + x)) for x, w in zip(places, weights, strict=True)) * half
    ), 0.0


def test_lms_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the last step, which is a plain one here."""
    integrate = SimpleNamespace(quad=quadrature)
    monkeypatch.setattr(scheduling_lms_discrete, "integrate", integrate, raising=False)
    scheduler = scheduling_lms_discrete.LMSDiscreteScheduler(**BETAS, timestep_spacing="linspace")
    scheduler.set_timesteps(STEPS)
    levels = levels_of(scheduler)
    sigmas = SCHEDULES["Uniform"](levels, STEPS)[:-1]
    x = theirs = start() * sigmas[0]
    for t in scheduler.timesteps[:-1]:
        output = network(scheduler.scale_model_input(theirs, t), float(t))
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    assert torch.allclose(ours("LMS", levels, sigmas, x, 4), theirs, atol=1e-4)


def test_plms_agrees() -> None:
    """But for the last step, which goes to 0 here."""
    scheduler = PNDMScheduler(**BETAS, skip_prk_steps=True, steps_offset=1)
    scheduler.set_timesteps(STEPS)
    levels = levels_of(scheduler)
    times = scheduler.timesteps.tolist()
    sigmas = [levels.sigma(float(t)) for t in dict.fromkeys(times)]
    theirs = start()
    x = theirs * math.sqrt(sigmas[0] ** 2 + 1)
    for t in times[:-1]:
        theirs = scheduler.step(network(theirs, float(t)), t, theirs).prev_sample.double()
    theirs = theirs * math.sqrt(sigmas[-1] ** 2 + 1)
    assert torch.allclose(ours("PLMS", levels, sigmas, x, 4), theirs, atol=1e-4)


def test_ddpm_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = DDPMScheduler(**BETAS, clip_sample=False, timestep_spacing="leading")
    scheduler.set_timesteps(STEPS)
    levels, draws = levels_of(scheduler), some_draws()
    sigmas = [levels.sigma(float(t)) for t in scheduler.timesteps] + [0.0]
    theirs = start()
    x = theirs * math.sqrt(sigmas[0] ** 2 + 1)
    give(monkeypatch, scheduler, draws)
    for t in scheduler.timesteps:
        theirs = scheduler.step(network(theirs, float(t)), t, theirs).prev_sample.double()
    assert torch.allclose(with_draws("DDPM", levels, sigmas, x, draws), theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "form"), [("DPM++ 2M SDE", "midpoint"), ("DPM++ 2M SDE Heun", "heun")]
)
def test_solvers_of_the_sde_agree(name: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = DPMSolverMultistepScheduler(
        **BETAS, algorithm_type="sde-dpmsolver++", solver_type=form, use_karras_sigmas=True,
        final_sigmas_type="zero",
    )  # fmt: skip
    scheduler.set_timesteps(STEPS)
    levels, draws = levels_of(scheduler), some_draws()
    sigmas = scheduler.sigmas.double().tolist()
    theirs = start()
    x = theirs * math.sqrt(sigmas[0] ** 2 + 1)
    give(monkeypatch, scheduler, draws)
    for t, sigma in zip(scheduler.timesteps, sigmas, strict=False):
        output = network(theirs, levels.timestep(sigma))
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    assert torch.allclose(with_draws(name, levels, sigmas, x, draws), theirs, atol=1e-4)


BH1_OPTIONS: dict[str, Any] = {"solver_type": "bh1", "final_sigmas_type": "sigma_min"}
"""Theirs of this form comes to no number at 0, where its B(h) has no end."""
VARIANCE_PRESERVING = [
    ("DPM++ 2M", DPMSolverMultistepScheduler, {"use_karras_sigmas": True}, 2),
    ("DPM++ 2M", DPMSolverMultistepScheduler, {"timestep_spacing": "leading"}, 2),
    ("UniPC", UniPCMultistepScheduler, {"timestep_spacing": "leading", "solver_order": 2}, 2),
    ("UniPC", UniPCMultistepScheduler, {"timestep_spacing": "leading", "solver_order": 3}, 3),
    ("UniPC", UniPCMultistepScheduler, {**BH1_OPTIONS, "solver_order": 2}, 2),
    ("UniPC", UniPCMultistepScheduler, {**BH1_OPTIONS, "solver_order": 3}, 3),
    ("DEIS", DEISMultistepScheduler, {"timestep_spacing": "leading", "solver_order": 3}, 3),
    ("DEIS", DEISMultistepScheduler, {"use_karras_sigmas": True, "solver_order": 3}, 3),
]


@pytest.mark.parametrize(("name", "kind", "options", "order"), VARIANCE_PRESERVING)
def test_variance_preserving_schedulers_agree(
    name: str, kind: Any, options: dict[str, Any], order: int
) -> None:
    if kind is not DEISMultistepScheduler:  # which has no other end
        options = {"final_sigmas_type": "zero", **options}
    scheduler = kind(**BETAS, **options)
    scheduler.set_timesteps(STEPS)
    levels = levels_of(scheduler)
    sigmas = scheduler.sigmas.double().tolist()
    theirs = start()
    x = theirs * math.sqrt(sigmas[0] ** 2 + 1)
    for t, sigma in zip(scheduler.timesteps, sigmas, strict=False):
        output = network(theirs, levels.timestep(sigma))
        theirs = scheduler.step(output, t, theirs).prev_sample.double()
    theirs = theirs * math.sqrt(sigmas[-1] ** 2 + 1)  # where they do not go down to 0
    made = ours(name, levels, sigmas, x, order, options.get("solver_type", BH2))
    assert torch.allclose(made, theirs, atol=1e-4)


def test_ddim_agrees() -> None:
    scheduler = DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=True, steps_offset=1)
    scheduler.set_timesteps(STEPS)
    levels = levels_of(scheduler)
    sigmas = SCHEDULES["DDIM"](levels, STEPS)
    assert [levels.timestep(s) for s in sigmas[:-1]] == pytest.approx(scheduler.timesteps.tolist())
    theirs = start()
    x = theirs * math.sqrt(sigmas[0] ** 2 + 1)
    # Ours goes from the last sigma to 0; theirs to the level of the timestep before the first.
    for i, t in enumerate(scheduler.timesteps):
        a = scheduler.alphas_cumprod[t].double()
        following = sigmas[i + 1]
        b = torch.tensor(1 / (following**2 + 1), dtype=torch.float64)
        output = network(theirs, float(t))
        if i + 1 < STEPS:
            theirs = scheduler.step(output, t, theirs).prev_sample.double()
        else:
            theirs = (theirs - (1 - a).sqrt() * output) / a.sqrt() * b.sqrt()
    assert torch.allclose(ours("DDIM", levels, sigmas, x, 2), theirs, atol=1e-4)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_lcm_agrees(prediction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = LCMScheduler(**BETAS, clip_sample=False, prediction_type=prediction)
    scheduler.set_timesteps(4)
    levels = NoiseLevels.from_alphas(scheduler.alphas_cumprod.double().tolist(), prediction)
    info = next(each for each in INFOS if each.name == "LCM")
    sigmas = sigmas_for(levels, 4, info, AUTOMATIC)
    draws = torch.randn(8, 1, 4, 2, generator=torch.Generator().manual_seed(3)).double()
    theirs = start()
    x = theirs * math.sqrt(sigmas[0] ** 2 + 1)
    given = iter(draws)
    monkeypatch.setattr(
        "diffusers.schedulers.scheduling_lcm.randn_tensor", lambda *_, **__: next(given)
    )
    for t in scheduler.timesteps:
        theirs = scheduler.step(network(theirs, float(t)), t, theirs).prev_sample.double()

    def guess(x: Tensor, sigma: float) -> Tensor:
        t = levels.timestep(sigma)
        return levels.denoised(x, sigma, network(levels.scale_input(x, sigma), t))

    again = iter(draws)
    task = SAMPLERS["LCM"](at_once(guess), x, sigmas, lambda _=None: next(again), SamplerOptions())
    assert torch.allclose(drive(task, no_work), theirs, atol=1e-4)


@pytest.mark.parametrize("eta", [0.0, 0.3])  # their 1 goes down to timestep 0, ours to 0 noise
def test_tcd_agrees(eta: float, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = TCDScheduler(**BETAS, clip_sample=False)
    scheduler.set_timesteps(4)
    levels = levels_of(scheduler)
    sigmas = [levels.sigma(float(t)) for t in scheduler.timesteps] + [0.0]
    draws = torch.randn(8, 1, 4, 2, generator=torch.Generator().manual_seed(3)).double()
    theirs = start()
    x = theirs * math.sqrt(sigmas[0] ** 2 + 1)
    given = iter(draws)
    monkeypatch.setattr(
        "diffusers.schedulers.scheduling_tcd.randn_tensor", lambda *_, **__: next(given)
    )
    for t in scheduler.timesteps[:-1]:
        output = network(theirs, float(t))
        theirs = scheduler.step(output, t, theirs, eta=eta).prev_sample.double()
    t = scheduler.timesteps[-1]  # theirs ends a little above 0, the paper's algorithm at 0
    a = scheduler.alphas_cumprod[t].double()
    theirs = (theirs - (1 - a).sqrt() * network(theirs, float(t))) / a.sqrt()

    def guess(x: Tensor, sigma: float) -> Tensor:
        t = levels.timestep(sigma)
        return levels.denoised(x, sigma, network(levels.scale_input(x, sigma), t))

    again = iter(draws)
    options = SamplerOptions(eta=eta, earlier=levels.earlier)
    task = SAMPLERS["TCD"](at_once(guess), x, sigmas, lambda _=None: next(again), options)
    assert torch.allclose(drive(task, no_work), theirs, atol=1e-4)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_flow_matching_is_walked_by_the_same_samplers(shift: float) -> None:
    """Euler's method in sigma is Euler's method in the flow's own time."""
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    times = [1 - 1e-5, *(1 - i / STEPS for i in range(1, STEPS))]
    scheduler.set_timesteps(sigmas=times)
    theirs = start()
    levels = NoiseLevels.of_flow(shift)
    sigmas = [t / (1 - t) for t in scheduler.sigmas.double().tolist()]
    assert levels.sigma_max == pytest.approx(sigmas[0], rel=0.05)  # theirs is in single precision

    def guess(x: Tensor, sigma: float) -> Tensor:
        inputs = levels.scale_input(x, sigma)
        return levels.denoised(x, sigma, network(inputs, levels.told(sigma)))

    x = theirs * (1 + sigmas[0])
    for t in scheduler.timesteps:
        theirs = scheduler.step(network(theirs, float(t)), t, theirs).prev_sample.double()
    run = SAMPLERS["Euler"](at_once(guess), x, sigmas, lambda _=None: x, SamplerOptions())
    assert torch.allclose(drive(run, no_work), theirs, atol=1e-4)


def test_every_schedule_stands_on_levels_of_a_flow() -> None:
    levels = NoiseLevels.of_flow(3.0)
    for name, schedule in SCHEDULES.items():
        sigmas = schedule(levels, 10)
        assert all(a > b for a, b in itertools.pairwise(sigmas)), name
        assert 0 < levels.told(sigmas[-2]) < levels.told(sigmas[0]) <= 1000
