from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_utils import AysSchedules

from webui.contracts.choices import AUTOMATIC, SAMPLERS, SamplerInfo
from webui.contracts.choices import SCHEDULES as NAMES
from webui.contracts.errors import BadRequest
from webui.engine.denoisers import NoiseLevels
from webui.engine.extending import UNEXTENDED
from webui.engine.families.parts import noise_levels
from webui.engine.published_levels import (
    STABLE_DIFFUSION,
    STABLE_DIFFUSION_XL,
    PublishedLevels,
)
from webui.engine.schedules import (
    SCHEDULES,
    Span,
    beta,
    karras,
    polyexponential,
    sgm_uniform,
    sigmas_for,
    uniform,
)


@pytest.fixture(scope="module")
def levels() -> NoiseLevels:
    config = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    return noise_levels(config)


def test_the_names_are_those_of_the_contract() -> None:
    assert [name for name in NAMES if name != AUTOMATIC] == list(SCHEDULES)


@pytest.mark.parametrize("name", list(SCHEDULES))
@pytest.mark.parametrize("steps", [1, 2, 7, 15, 20, 150, 999, 1000])
def test_there_are_steps_plus_one_falling_sigmas_that_end_in_0(
    name: str, steps: int, levels: NoiseLevels
) -> None:
    sigmas = SCHEDULES[name](levels, steps)
    assert len(sigmas) == steps + 1
    assert sigmas[-1] == 0
    assert all(a > b for a, b in itertools.pairwise(sigmas))
    assert sigmas[0] <= levels.sigma_max * (1 + 1e-9)


@pytest.mark.parametrize("info", SAMPLERS, ids=lambda info: info.name)
def test_automatic_is_what_the_contract_says(info: SamplerInfo, levels: NoiseLevels) -> None:
    schedule = info.automatic_schedule
    made = SCHEDULES[schedule](levels, 10 if info.discards_penultimate else 9)
    expected = [*made[:-2], 0.0] if info.discards_penultimate else made
    assert sigmas_for(levels, 9, info, AUTOMATIC) == expected


def test_the_levels_are_those_of_stable_diffusion(levels: NoiseLevels) -> None:
    assert levels.sigma_max == pytest.approx(14.6146, rel=1e-4)
    assert levels.sigma_min == pytest.approx(0.0291675, rel=1e-4)


def test_uniform_takes_in_both_ends_and_sgm_uniform_the_first(levels: NoiseLevels) -> None:
    assert uniform(levels, 5)[-2] == pytest.approx(levels.sigma_min)
    assert sgm_uniform(levels, 5)[-2] == pytest.approx(levels.sigma(999 / 5))


def test_karras_is_even_in_the_seventh_root(levels: NoiseLevels) -> None:
    roots = [sigma ** (1 / 7) for sigma in karras(levels, 10)[:-1]]
    gaps = [a - b for a, b in itertools.pairwise(roots)]
    assert max(gaps) == pytest.approx(min(gaps))


def test_exponential_is_even_in_the_logarithm(levels: NoiseLevels) -> None:
    logs = [math.log(sigma) for sigma in SCHEDULES["Exponential"](levels, 10)[:-1]]
    gaps = [a - b for a, b in itertools.pairwise(logs)]
    assert max(gaps) == pytest.approx(min(gaps))


@pytest.mark.parametrize(
    ("published", "name"),
    [(STABLE_DIFFUSION, "StableDiffusion"), (STABLE_DIFFUSION_XL, "StableDiffusionXL")],
)
def test_align_your_steps_has_the_levels_that_diffusers_has_at_eleven(
    published: PublishedLevels, name: str, levels: NoiseLevels
) -> None:
    """Theirs go to 0 from the tenth, of ten steps; with eleven the last of training is a step, too."""
    made = SCHEDULES["Align Your Steps"](replace(levels, published=published), 11)
    assert made[:10] == pytest.approx(AysSchedules[f"{name}Sigmas"][:10], rel=1e-4)
    assert made[10] == pytest.approx(levels.sigma_min)
    times = [levels.timestep(sigma) for sigma in made[:10]]
    assert times == pytest.approx(AysSchedules[f"{name}Timesteps"], abs=4.5)


def test_between_the_published_levels_it_is_their_logarithms_that_are_even(
    levels: NoiseLevels,
) -> None:
    made = SCHEDULES["Align Your Steps"](levels, 21)
    assert made[0:21:2] == pytest.approx(SCHEDULES["Align Your Steps"](levels, 11)[:-1])
    assert made[1] == pytest.approx(math.sqrt(14.6146 * 6.475), rel=1e-4)
    assert made[17] == pytest.approx(math.sqrt(0.399 * 0.152), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "steps", "place", "both"),
    [
        ("Align Your Steps GITS", 11, 4, (0.702, 0.987)),
        ("Align Your Steps 32", 32, 15, (1.46540953, 0.92579443)),
        ("Align Your Steps 32", 32, 31, (0.015, 0.015)),
    ],
)
def test_forges_tables_are_taken_by_the_kind_of_network(
    name: str, steps: int, place: int, both: tuple[float, float], levels: NoiseLevels
) -> None:
    for published, expected in zip((STABLE_DIFFUSION, STABLE_DIFFUSION_XL), both, strict=True):
        made = SCHEDULES[name](replace(levels, published=published), steps)
        assert made[place] == pytest.approx(expected, rel=1e-4)


def test_the_published_levels_stay_with_the_levels_that_are_made_of_others(
    levels: NoiseLevels,
) -> None:
    xl = replace(levels, published=STABLE_DIFFUSION_XL)
    assert xl.with_zero_terminal_snr().published is STABLE_DIFFUSION_XL
    assert xl.in_times().published is STABLE_DIFFUSION_XL


def test_kl_optimal_is_even_in_the_arc_tangent(levels: NoiseLevels) -> None:
    angles = [math.atan(sigma) for sigma in SCHEDULES["KL Optimal"](levels, 10)[:-1]]
    gaps = [a - b for a, b in itertools.pairwise(angles)]
    assert max(gaps) == pytest.approx(min(gaps))


def test_beta_places_levels_at_its_quantiles(levels: NoiseLevels) -> None:
    made = beta(levels, 11)
    share = [(s - levels.sigma_min) / (levels.sigma_max - levels.sigma_min) for s in made[:-1]]
    # of Beta(0.6, 0.6), computed to 12 digits by bisection of the incomplete beta function
    assert share[5] == pytest.approx(0.5, abs=1e-6)
    assert share[8] == pytest.approx(1 - share[2], abs=1e-6)
    assert beta_share(share[8]) == pytest.approx(0.2, abs=1e-4)
    assert beta_share(share[1]) == pytest.approx(0.9, abs=1e-4)


def beta_share(x: float, shape: float = 0.6) -> float:
    """The distribution function of Beta(shape, shape), by the series of the incomplete beta."""
    if x > 0.5:
        return 1 - beta_share(1 - x, shape)
    term, total = 1.0, 1 / shape
    for n in range(1, 400):
        term *= (n - shape) / n * x
        total += term / (shape + n)
    complete = math.gamma(shape) ** 2 / math.gamma(2 * shape)
    return float(x**shape * total / complete)


def test_polyexponential_bends_the_exponential(levels: NoiseLevels) -> None:
    straight = SCHEDULES["Exponential"](levels, 9)
    assert polyexponential(levels, 9) == pytest.approx(straight)
    assert polyexponential(levels, 9, Span(rho=2.0))[4] < straight[4]


@pytest.mark.parametrize("steps", range(1, 51))
def test_the_timesteps_of_lcm_are_those_of_its_scheduler(steps: int, levels: NoiseLevels) -> None:
    scheduler = LCMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    scheduler.set_timesteps(steps)
    made = SCHEDULES["LCM"](levels, steps)[:-1]
    assert [round(levels.timestep(sigma), 6) for sigma in made] == scheduler.timesteps.tolist()


def test_turbo_takes_whole_trailing_timesteps_and_simple_equal_strides(levels: NoiseLevels) -> None:
    timesteps = [round(levels.timestep(s), 6) for s in SCHEDULES["Turbo"](levels, 4)[:-1]]
    assert timesteps == [999, 749, 499, 249]
    timesteps = [round(levels.timestep(s), 6) for s in SCHEDULES["Simple"](levels, 4)[:-1]]
    assert timesteps == [999, 749, 499, 249]


@pytest.mark.parametrize(
    "name", [n for n in SCHEDULES if n not in ("DDIM", "Simple", "Turbo", "LCM")]
)
def test_a_span_moves_the_ends(name: str, levels: NoiseLevels) -> None:
    sigmas = SCHEDULES[name](levels, 8, Span(sigma_min=0.2, sigma_max=5.0))
    assert sigmas[0] == pytest.approx(5.0)
    assert sigmas[-2] >= 0.2 - 1e-9
    if name != "SGM Uniform":  # it stops a step before its end
        assert sigmas[-2] == pytest.approx(0.2)


def test_rho_and_the_beta_exponents_bend_their_schedules(levels: NoiseLevels) -> None:
    assert karras(levels, 9, Span(rho=3.0))[4] > karras(levels, 9)[4]
    assert beta(levels, 9, Span(alpha=0.6, beta=1.2))[4] < beta(levels, 9)[4]
    assert beta(levels, 9, Span(alpha=1.0, beta=1.0))[4] == pytest.approx(
        (levels.sigma_max + levels.sigma_min) / 2, rel=1e-4
    )


def test_a_span_that_is_upside_down_is_refused_in_a_sentence(levels: NoiseLevels) -> None:
    with pytest.raises(BadRequest, match="from sigma 1 down to 2"):
        karras(levels, 9, Span(sigma_min=2.0, sigma_max=1.0))


def test_to_discard_the_penultimate_level_is_to_take_one_more_and_leave_it_out(
    levels: NoiseLevels,
) -> None:
    sigmas = sigmas_for(
        levels, 9, UNEXTENDED.sampler_info("Euler"), "Karras", discard_penultimate=True
    )
    more = karras(levels, 10)
    assert sigmas == [*more[:-2], 0.0]
    assert sigmas_for(levels, 9, UNEXTENDED.sampler_info("DPM2"), "Karras") == sigmas
    assert sigmas_for(levels, 9, UNEXTENDED.sampler_info("Euler"), "Karras") != sigmas


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_every_schedule_spaces_a_flow_by_its_times(schedule: str) -> None:
    sigmas = sigmas_for(NoiseLevels.of_flow(3.0), 8, UNEXTENDED.sampler_info("Euler"), schedule)
    times = [sigma / (1 + sigma) for sigma in sigmas]
    assert times == sorted(times, reverse=True)
    assert times[0] > 0.95
    assert times[-1] == 0
    assert sum(time > 0.99 for time in times) <= 4
