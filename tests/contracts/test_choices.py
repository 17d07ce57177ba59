"""Other programs' names of samplers and schedules."""

from __future__ import annotations

import pytest

from webui.contracts.choices import SAMPLERS, SCHEDULES, find_sampler, find_schedule
from webui.contracts.request import GenerationRequest


@pytest.mark.parametrize(
    ("name", "sampler", "schedule"),
    [
        ("DPM++ 2M", "DPM++ 2M", None),
        ("dpm++ 2m karras", "DPM++ 2M", "Karras"),
        ("DPM++ 2M SDE Heun Exponential", "DPM++ 2M SDE Heun", "Exponential"),
        ("Euler SGM Uniform", "Euler", "SGM Uniform"),
        ("Euler SGMUniform", "Euler", "SGM Uniform"),
        ("euler sgm_uniform", "Euler", "SGM Uniform"),
        ("Euler a Uniform", "Euler a", "Uniform"),
        ("DPM++ 3M SDE Align Your Steps", "DPM++ 3M SDE", "Align Your Steps"),
        ("DPM++ 2M Align Your Steps GITS", "DPM++ 2M", "Align Your Steps GITS"),
        ("DPM++ 2M align_your_steps_11", "DPM++ 2M", "Align Your Steps"),
        ("Euler Align Your Steps 32", "Euler", "Align Your Steps 32"),
        ("k_dpmpp_2m_ka", "DPM++ 2M", "Karras"),
        ("k_dpm_2_a_ka", "DPM2 a", "Karras"),
        ("k_dpmpp_3m_sde_exp", "DPM++ 3M SDE", "Exponential"),
        ("ddim", "DDIM", None),
        ("unipc", "UniPC", None),
    ],
)
def test_names_of_other_programs_are_understood(
    name: str, sampler: str, schedule: str | None
) -> None:
    found = find_sampler(name)
    assert found is not None
    assert (found[0].name, found[1]) == (sampler, schedule)


@pytest.mark.parametrize("name", ["", "k_", "Karras", "DPM++ 9M", "Euler _ka", "euler  karras ka"])
def test_other_words_are_no_sampler(name: str) -> None:
    assert find_sampler(name) is None


def test_every_pair_of_names_is_split_where_they_meet() -> None:
    for info in SAMPLERS:
        for schedule in SCHEDULES:
            found = find_sampler(f"{info.name} {schedule}")
            assert found == (info, schedule)


def test_a_request_takes_any_spelling_of_a_schedule() -> None:
    for spelled in ("sgm_uniform", "SGMUniform", "sgm uniform"):
        request = GenerationRequest(prompt="", schedule=spelled, hires_schedule=spelled)
        assert request.schedule == request.hires_schedule == "SGM Uniform"
    assert find_schedule("ays") == "Align Your Steps"
    assert find_schedule("none such") is None
