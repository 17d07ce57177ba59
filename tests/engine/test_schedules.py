from __future__ import annotations

import itertools
import math

import pytest

from webui.contracts.choices import AUTOMATIC, SAMPLERS, SamplerInfo
from webui.contracts.choices import SCHEDULES as NAMES
from webui.engine.denoisers import NoiseLevels
from webui.engine.families.parts import noise_levels
from webui.engine.schedules import SCHEDULES, karras, sgm_uniform, sigmas_for, uniform


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
    name, schedule = info.name, info.automatic_schedule
    assert sigmas_for(levels, 9, name, AUTOMATIC) == SCHEDULES[schedule](levels, 9)


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
