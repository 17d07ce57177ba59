"""Every sampler against data of which the ideal denoiser is known: a Gaussian."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tests.engine.drive import at_once, drive, no_work
from webui.contracts.choices import SAMPLERS as INFOS
from webui.contracts.choices import SamplerInfo
from webui.engine.samplers import SAMPLERS, SamplerOptions
from webui.engine.samplers.common import ancestral_split

MEAN, SPREAD = 0.7, 0.5
SIGMA_MAX, SIGMA_MIN = 20.0, 0.02
STOCHASTIC = [info.name for info in INFOS if info.stochastic and info.name != "LCM"]
EXACT = [info.name for info in INFOS if not info.stochastic]
ORDERS = {
    "Euler": 1,
    "DDIM": 1,
    "Heun": 2,
    "DPM++ 2M": 2,
    "UniPC": 2,
}  # UniPC starts with first order


def ideal(x: Tensor, sigma: float) -> Tensor:
    """Posterior mean of Gaussian data, given data plus noise."""
    return MEAN + (x - MEAN) * (SPREAD**2 / (SPREAD**2 + sigma**2))


def sigmas_of(steps: int) -> list[float]:
    """Karras' levels."""
    high, low = SIGMA_MAX ** (1 / 7), SIGMA_MIN ** (1 / 7)
    return [(high + (low - high) * i / (steps - 1)) ** 7 for i in range(steps)] + [0.0]


def run(name: str, x: Tensor, sigmas: list[float], options: SamplerOptions) -> Tensor:
    generator = torch.Generator().manual_seed(5)

    def noise() -> Tensor:
        return torch.randn(x.shape, generator=generator, dtype=x.dtype)

    return drive(SAMPLERS[name](at_once(ideal), x, sigmas, noise, options), no_work)


def error_after(name: str, steps: int) -> float:
    """Distance to the exact end of the probability-flow ODE, up to the last level above 0."""
    sigmas = sigmas_of(steps)[:-1]
    x = MEAN + torch.linspace(-2, 2, 9, dtype=torch.float64)[None] * SIGMA_MAX
    end = run(name, x, sigmas, SamplerOptions())
    scale = math.sqrt((SPREAD**2 + sigmas[-1] ** 2) / (SPREAD**2 + SIGMA_MAX**2))
    return float((end - (MEAN + (x - MEAN) * scale)).abs().max())


def test_the_names_are_those_of_the_contract_in_its_order() -> None:
    assert list(SAMPLERS) == [info.name for info in INFOS]


@pytest.mark.parametrize("name", EXACT)
def test_it_converges_to_the_exact_answer_with_its_order(name: str) -> None:
    coarse, fine = error_after(name, 40), error_after(name, 160)
    assert fine < 0.02
    assert coarse / fine > 0.8 * 4 ** ORDERS[name]


@pytest.mark.parametrize("name", EXACT)
def test_it_ends_on_clean_data(name: str) -> None:
    x = MEAN + torch.linspace(-2, 2, 9, dtype=torch.float64)[None] * SIGMA_MAX
    end = run(name, x, sigmas_of(400), SamplerOptions())
    exact = MEAN + (x - MEAN) * SPREAD / math.sqrt(SPREAD**2 + SIGMA_MAX**2)
    assert float((end - exact).abs().max()) < 0.02


@pytest.mark.parametrize("name", [*STOCHASTIC, "DDIM"])
def test_with_fresh_noise_it_draws_from_the_distribution(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    x = MEAN + torch.randn(1, 40_000, generator=generator, dtype=torch.float64) * SIGMA_MAX
    end = run(name, x, sigmas_of(200), SamplerOptions(eta=1.0))
    assert abs(float(end.mean()) - MEAN) < 0.02
    assert abs(float(end.std()) - SPREAD) < 0.02


@pytest.mark.parametrize("name", STOCHASTIC)
def test_without_fresh_noise_it_follows_the_ode(name: str) -> None:
    x = MEAN + torch.linspace(-2, 2, 9, dtype=torch.float64)[None] * SIGMA_MAX
    plain = {"Euler a": "Euler", "DPM++ 2M SDE": "DPM++ 2M"}[name]
    end, expected = (run(n, x, sigmas_of(12), SamplerOptions(eta=0.0)) for n in (name, plain))
    assert torch.allclose(end, expected)


def test_lcm_draws_from_the_distribution_for_a_consistency_model() -> None:
    def consistent(x: Tensor, sigma: float) -> Tensor:
        """The end of the probability-flow ODE, from any point of it."""
        return MEAN + (x - MEAN) * SPREAD / math.sqrt(SPREAD**2 + sigma**2)

    generator = torch.Generator().manual_seed(1)

    def noise() -> Tensor:
        return torch.randn(1, 40_000, generator=generator, dtype=torch.float64)

    x = MEAN + noise() * SIGMA_MAX
    task = SAMPLERS["LCM"](at_once(consistent), x, sigmas_of(4), noise, SamplerOptions())
    end = drive(task, no_work)
    assert abs(float(end.mean()) - MEAN) < 0.02
    assert abs(float(end.std()) - SPREAD) < 0.02


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_one_step_is_the_clean_guess(name: str) -> None:
    x = torch.tensor([[3.0, -4.0]], dtype=torch.float64)
    end = run(name, x, [SIGMA_MAX, 0.0], SamplerOptions())
    assert torch.allclose(end, ideal(x, SIGMA_MAX))


@pytest.mark.parametrize("info", INFOS, ids=lambda info: info.name)
def test_it_takes_as_many_evaluations_as_the_contract_says(info: SamplerInfo) -> None:
    name, evaluations = info.name, info.evaluations_per_step
    seen: list[float] = []

    def counted(x: Tensor, sigma: float) -> Tensor:
        seen.append(sigma)
        return ideal(x, sigma)

    x = torch.ones(1, 2)
    task = SAMPLERS[name](at_once(counted), x, sigmas_of(10), lambda: x, SamplerOptions())
    drive(task, no_work)
    assert len(seen) == 10 * evaluations - (evaluations - 1)


def test_the_ancestral_split_keeps_the_total_noise() -> None:
    down, up = ancestral_split(5.0, 3.0, 1.0)
    assert math.hypot(down, up) == pytest.approx(3.0)
    assert up**2 == pytest.approx(9 * (25 - 9) / 25)
    assert ancestral_split(5.0, 0.0, 1.0) == (0.0, 0.0)
