"""Every sampler against data of which the ideal denoiser is known: a Gaussian."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.engine.drive import at_once, drive, no_work
from webui.contracts.choices import SAMPLERS as INFOS
from webui.contracts.choices import SamplerInfo
from webui.engine.noise import NoiseStream
from webui.engine.samplers import SAMPLERS, Churn, SamplerOptions
from webui.engine.samplers.common import Noise, ancestral_split
from webui.engine.samplers.dpm_solver import _orders
from webui.engine.samplers.multistep import exponential_integrals, integrals
from webui.engine.work import Denoise

MEAN, SPREAD = 0.7, 0.5
SIGMA_MAX, SIGMA_MIN = 20.0, 0.02
FOR_CONSISTENCY_MODELS = ("LCM", "TCD")
STOCHASTIC = [
    info.name for info in INFOS if info.stochastic and info.name not in FOR_CONSISTENCY_MODELS
]
EXACT = [info.name for info in INFOS if not info.stochastic]
ORDERS = {
    "Euler": 1,
    "DDIM": 1,
    "DDIM CFG++": 1,
    "HeunPP2": 1,  # its weights are those of no quadrature
    "Heun": 2,
    "DPM2": 2,
    "DPM++ 2M": 2,
    "UniPC": 2,  # it starts with first order, as all multistep methods do
    "LMS": 2,
    "PLMS": 2,
    "DEIS": 2,
    "iPNDM": 1,  # its constants are for even steps, which these are not
    "DPM fast": 2,
}


def ideal(x: Tensor, sigma: float) -> Tensor:
    """Posterior mean of Gaussian data, given data plus noise."""
    return MEAN + (x - MEAN) * (SPREAD**2 / (SPREAD**2 + sigma**2))


def sigmas_of(steps: int) -> list[float]:
    """Karras' levels."""
    high, low = SIGMA_MAX ** (1 / 7), SIGMA_MIN ** (1 / 7)
    return [(high + (low - high) * i / (steps - 1)) ** 7 for i in range(steps)] + [0.0]


def run(name: str, x: Tensor, sigmas: list[float], options: SamplerOptions) -> Tensor:
    stream = NoiseStream(5, x.shape, torch.device("cpu"))

    def noise(between: tuple[float, float] | None = None, /) -> Tensor:
        return stream(between).to(x.dtype)

    return drive(SAMPLERS[name](answers(name, ideal), x, sigmas, noise, options), no_work)


def answers(name: str, guess: Callable[[Tensor, float], Tensor]) -> Denoise:
    """A denoiser that gives the sampler its unguided row too, where it wants one: the same here."""
    info = next(info for info in INFOS if info.name == name)
    rows = 2 if info.wants_unguided else 1
    return at_once(lambda x, sigma: guess(x, sigma).repeat(rows, *[1] * (x.dim() - 1)))


WITHOUT_NOISE = {
    "Euler a": 1,
    "DDPM": 1,
    "TCD": 1,
    "DPM2 a": 2,
    "DPM++ 2S a": 2,
    "DPM++ SDE": 2,
    "DPM++ 2M SDE": 2,
    "DPM++ 2M SDE Heun": 2,
    "DPM++ 3M SDE": 2,  # it starts with first order, as all multistep methods do
}
"""Stochastic samplers whose steps are those of a solver of the ODE where they add no noise.

Not ER-SDE, whose drift is that of its own SDE; nor Restart, which goes up by noise alone; nor LCM.
"""


def error_after(name: str, steps: int, eta: float | None = None) -> float:
    """Distance to the exact end of the probability-flow ODE, up to the last level above 0."""
    sigmas = sigmas_of(steps)[:-1]
    x = MEAN + torch.linspace(-2, 2, 9, dtype=torch.float64)[None] * SIGMA_MAX
    end = run(name, x, sigmas, SamplerOptions(eta=eta))
    scale = math.sqrt((SPREAD**2 + sigmas[-1] ** 2) / (SPREAD**2 + SIGMA_MAX**2))
    return float((end - (MEAN + (x - MEAN) * scale)).abs().max())


def test_the_names_are_those_of_the_contract_in_its_order() -> None:
    assert list(SAMPLERS) == [info.name for info in INFOS]


@pytest.mark.parametrize("name", ORDERS)
def test_it_converges_to_the_exact_answer_with_its_order(name: str) -> None:
    few = 12 if name == "DPM fast" else 40  # third order: at 40 it is exact to rounding
    coarse, fine = error_after(name, few), error_after(name, 4 * few)
    assert fine < 0.02
    assert coarse / fine > 0.8 * 4 ** ORDERS[name]


@pytest.mark.parametrize("name", WITHOUT_NOISE)
def test_without_fresh_noise_it_converges_with_its_order(name: str) -> None:
    few = 80 if name == "DPM++ 3M SDE" else 40  # of its first steps less is seen in more of them
    coarse, fine = (error_after(name, steps, 0.0) for steps in (few, 4 * few))
    assert fine < 0.02
    assert coarse / fine > 0.8 * 4 ** WITHOUT_NOISE[name]


def test_every_sampler_is_held_to_an_order_or_said_to_have_none() -> None:
    others = {"DPM adaptive", "ER-SDE", "Restart", "LCM"}
    assert {*ORDERS, *WITHOUT_NOISE} | others == set(SAMPLERS)


@pytest.mark.parametrize("name", EXACT)
def test_it_ends_on_clean_data(name: str) -> None:
    x = MEAN + torch.linspace(-2, 2, 9, dtype=torch.float64)[None] * SIGMA_MAX
    end = run(name, x, sigmas_of(400), SamplerOptions())
    exact = MEAN + (x - MEAN) * SPREAD / math.sqrt(SPREAD**2 + SIGMA_MAX**2)
    assert float((end - exact).abs().max()) < 0.02


@pytest.mark.parametrize("name", [*STOCHASTIC, "DDIM"])
def test_with_fresh_noise_it_draws_from_the_distribution(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    x = MEAN + torch.randn(1, 20_000, generator=generator, dtype=torch.float64) * SIGMA_MAX
    end = run(name, x, sigmas_of(200), SamplerOptions(eta=1.0))
    assert abs(float(end.mean()) - MEAN) < 0.02
    assert abs(float(end.std()) - SPREAD) < 0.02


PLAIN = {
    "Euler a": "Euler",
    "DDPM": "DDIM",
    "DPM2 a": "DPM2",
    "DPM++ 2M SDE": "DPM++ 2M",
}
"""Stochastic samplers, and what they are without fresh noise."""


@pytest.mark.parametrize("name", PLAIN)
def test_without_fresh_noise_it_is_the_plain_method_the_ode(name: str) -> None:
    x = MEAN + torch.linspace(-2, 2, 9, dtype=torch.float64)[None] * SIGMA_MAX
    plain = PLAIN[name]
    end, expected = (run(n, x, sigmas_of(12), SamplerOptions(eta=0.0)) for n in (name, plain))
    assert torch.allclose(end, expected)


def test_lcm_draws_from_the_distribution_for_a_consistency_model() -> None:
    def consistent(x: Tensor, sigma: float) -> Tensor:
        """The end of the probability-flow ODE, from any point of it."""
        return MEAN + (x - MEAN) * SPREAD / math.sqrt(SPREAD**2 + sigma**2)

    generator = torch.Generator().manual_seed(1)

    def noise(_: tuple[float, float] | None = None, /) -> Tensor:
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


EXTRA_EVALUATIONS = {"PLMS": 1, "HeunPP2": -1}
"""Its first step is Heun's; it has fewer levels ahead in both of the last steps."""


@pytest.mark.parametrize(
    "info", [info for info in INFOS if info.name != "DPM adaptive"], ids=lambda info: info.name
)
def test_it_takes_as_many_evaluations_as_the_contract_says(info: SamplerInfo) -> None:
    name, evaluations = info.name, info.evaluations_per_step
    seen: list[float] = []

    def counted(x: Tensor, sigma: float) -> Tensor:
        seen.append(sigma)
        return ideal(x, sigma)

    x = torch.ones(1, 2)
    task = SAMPLERS[name](
        answers(name, counted), x, sigmas_of(10), lambda _=None: x, SamplerOptions()
    )
    drive(task, no_work)
    expected = 10 * evaluations - (evaluations - 1) + EXTRA_EVALUATIONS.get(name, 0)
    assert len(seen) == expected


def test_the_adaptive_one_is_as_exact_as_it_says_however_many_steps_are_asked_for() -> None:
    x = MEAN + torch.linspace(-2, 2, 9, dtype=torch.float64)[None] * SIGMA_MAX
    few, many = (run("DPM adaptive", x, sigmas_of(n), SamplerOptions()) for n in (4, 40))
    assert torch.allclose(few, many)
    exact = MEAN + (x - MEAN) * SPREAD / math.sqrt(SPREAD**2 + SIGMA_MAX**2)
    assert float((few - exact).abs().max()) < 0.02


def test_a_network_that_answers_nonsense_ends_the_adaptive_one() -> None:
    seen: list[float] = []

    def broken(x: Tensor, sigma: float) -> Tensor:
        seen.append(sigma)
        return x * math.nan

    x = torch.ones(1, 2)
    task = SAMPLERS["DPM adaptive"](
        at_once(broken), x, sigmas_of(10), lambda _=None: x, SamplerOptions()
    )
    drive(task, no_work)
    assert len(seen) < 10


def draws_of(seed: int, x: Tensor) -> Noise:
    stream = NoiseStream(seed, x.shape, torch.device("cpu"))
    return lambda between=None: stream(between).to(x.dtype)


@pytest.mark.parametrize("name", ["Euler", "Heun", "DPM2"])
def test_churn_puts_noise_back_and_still_draws_from_the_distribution(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    x = MEAN + torch.randn(1, 20_000, generator=generator, dtype=torch.float64) * SIGMA_MAX
    churn = SamplerOptions(churn=Churn(40.0))
    end = run(name, x, sigmas_of(200), churn)
    assert abs(float(end.mean()) - MEAN) < 0.02
    assert abs(float(end.std()) - SPREAD) < 0.03  # Euler steps from further up
    assert not torch.allclose(end, run(name, x, sigmas_of(200), SamplerOptions()), atol=0.1)


def test_churn_keeps_to_its_levels_and_its_greatest_share() -> None:
    churn = Churn(10.0, lowest=1.0, highest=5.0)
    assert churn.raised(3.0, 20) == pytest.approx(3.0 * math.sqrt(2))
    assert churn.raised(3.0, 100) == pytest.approx(3.3)
    assert churn.raised(0.5, 100) == 0.5
    assert churn.raised(6.0, 100) == 6.0


def test_solvers_of_the_sde_come_to_like_ends_with_other_steps() -> None:
    """Their noise is one path's: an end differs by its steps, not by its luck."""
    x = torch.randn(1, 4096, generator=torch.Generator().manual_seed(2)).double() * SIGMA_MAX
    for name in ("DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE"):
        ends = [
            drive(
                SAMPLERS[name](at_once(ideal), x, sigmas, draws_of(8, x), SamplerOptions()), no_work
            )
            for sigmas in (sigmas_of(60), sigmas_of(120))
        ]
        assert torch.corrcoef(torch.cat(ends))[0, 1] > 0.97, name


def test_cfgpp_renews_the_noise_by_the_unguided_guess() -> None:
    """The paper's algorithm 2 in its own variables, a step of DDIM with two different guesses."""
    guided, unguided = torch.tensor([[0.3, -0.2]]), torch.tensor([[0.1, 0.4]])
    x, sigma, following = torch.tensor([[2.0, -1.0]]), 4.0, 1.5
    both = at_once(lambda _x, _sigma: torch.cat([guided, unguided]))
    task = SAMPLERS["DDIM CFG++"](both, x, [sigma, following], lambda _=None: x, SamplerOptions())
    a, b = (1 / (1 + level**2) for level in (sigma, following))
    noise = (x * a**0.5 - a**0.5 * unguided) / (1 - a) ** 0.5
    expected = b**0.5 * guided + (1 - b) ** 0.5 * noise
    assert torch.allclose(drive(task, no_work) * b**0.5, expected)


def test_restart_goes_up_again_and_keeps_to_its_steps() -> None:
    seen: list[float] = []

    def counted(x: Tensor, sigma: float) -> Tensor:
        seen.append(sigma)
        return ideal(x, sigma)

    x = torch.ones(1, 2, dtype=torch.float64)
    task = SAMPLERS["Restart"](
        at_once(counted), x, sigmas_of(40), lambda _=None: x, SamplerOptions()
    )
    drive(task, no_work)
    rises = sum(b > a * 1.001 for a, b in itertools.pairwise(seen))
    assert rises == 2
    assert abs(len(seen) - (2 * 40 - 1)) <= 2


def test_dpm_fast_spends_what_it_is_given() -> None:
    assert [sum(_orders(budget)) for budget in range(1, 40)] == list(range(1, 40))
    assert _orders(9) == [3, 3, 2, 1]
    assert _orders(8) == [3, 3, 2]


def test_tcd_at_its_ends_is_ddim_and_lcm() -> None:
    x = torch.tensor([[3.0, -4.0]], dtype=torch.float64)
    straight, fresh = (run("TCD", x, sigmas_of(6), SamplerOptions(eta=eta)) for eta in (0.0, 1.0))
    assert torch.allclose(straight, run("DDIM", x, sigmas_of(6), SamplerOptions()))
    assert torch.allclose(fresh, run("LCM", x, sigmas_of(6), SamplerOptions()))


def test_weights_of_multistep_methods_integrate_polynomials_exactly() -> None:
    nodes = [3.0, 5.0, 9.0]
    weights = integrals(nodes, 3.0, 2.0)
    for power in range(3):
        exact = (2.0 ** (power + 1) - 3.0 ** (power + 1)) / (power + 1)
        assert sum(w * n**power for w, n in zip(weights, nodes, strict=True)) == pytest.approx(
            exact
        )
    of_logs = exponential_integrals(nodes, 3.0, 2.0)
    for power in range(3):
        exact = integral_of_a_log(2.0, power) - integral_of_a_log(3.0, power)
        total = sum(w * math.log(n) ** power for w, n in zip(of_logs, nodes, strict=True))
        assert total == pytest.approx(exact)


def test_the_ancestral_split_keeps_the_total_noise() -> None:
    down, up = ancestral_split(5.0, 3.0, 1.0)
    assert math.hypot(down, up) == pytest.approx(3.0)
    assert up**2 == pytest.approx(9 * (25 - 9) / 25)
    assert ancestral_split(5.0, 0.0, 1.0) == (0.0, 0.0)


def integral_of_a_log(sigma: float, power: int) -> float:
    """An antiderivative of log(sigma) to a power up to two."""
    log = math.log(sigma)
    return sigma * (1.0, log - 1, log**2 - 2 * log + 2)[power]
