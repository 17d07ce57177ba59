"""The steps that are told beforehand are those that are drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.request import GenerationRequest
from webui.contracts.steps import rounds_of, steps_of

HALF = {"image": "0" * 64, "denoising_strength": 0.5}
AGAIN = {"hires_scale": 2.0, "denoising_strength": 0.5}


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({}, 20),
        (HALF, 11),  # the step in which the share begins is taken whole
        ({**HALF, "exact_steps": True}, 20),
        ({**HALF, "upscaler": "Lanczos"}, 0),
        ({**HALF, "upscaler": "Diffusion in tiles", "tile_strength": 0.25}, 6),
        ({**HALF, "upscaler": "Diffusion in tiles", "tile_strength": 0.0}, 0),
        ({**HALF, "loops": 3}, 33),
        ({**HALF, "loops": 3, "final_strength": 1.0}, 11 + 16 + 20),
        ({**HALF, "loops": 2, "final_strength": 0.0}, 11),
        (AGAIN, 20 + 11),
        ({**AGAIN, "hires_steps": 7}, 20 + 7),
    ],
)
def test_a_picture_takes_as_many(fields: dict[str, Any], steps: int) -> None:
    assert steps_of(GenerationRequest(prompt="", steps=20, **fields), FAKE_CHECKPOINT) == steps


def test_an_upscaling_model_takes_all_steps_at_any_strength() -> None:
    upscaler = replace(FAKE_CHECKPOINT, task="upscale")
    assert steps_of(GenerationRequest(prompt="", steps=20, **HALF), upscaler) == 20


# By AUTOMATIC1111's formulas, from 0.8 to 0.2 in five rounds.
@pytest.mark.parametrize(
    ("curve", "strengths"),
    [
        ("Aggressive", [0.8, 0.5704, 0.3757, 0.2457, 0.2]),
        ("Linear", [0.8, 0.65, 0.5, 0.35, 0.2]),
        ("Lazy", [0.8, 0.7543, 0.6243, 0.4296, 0.2]),
    ],
)
def test_the_strength_goes_to_its_final_one_by_its_curve(
    curve: str, strengths: list[float]
) -> None:
    fields: dict[str, Any] = {"loops": 5, "final_strength": 0.2, "strength_curve": curve}
    rounds = rounds_of(
        GenerationRequest(prompt="", image="0" * 64, denoising_strength=0.8, **fields)
    )
    found = [again.denoising_strength for again in rounds]
    assert found == pytest.approx(strengths, abs=1e-4)


def test_without_a_final_strength_all_rounds_have_the_first() -> None:
    rounds = rounds_of(GenerationRequest(prompt="", loops=3, denoising_strength=0.4))
    assert [again.denoising_strength for again in rounds] == [0.4] * 3


def test_each_round_has_the_next_seed_and_with_variations_the_next_variation() -> None:
    plain = GenerationRequest(prompt="", loops=3, seed=2**32 - 2)
    assert [again.seed for again in rounds_of(plain)] == [2**32 - 2, 2**32 - 1, 0]
    varied = GenerationRequest(prompt="", loops=2, seed=5, variation_seed=8, variation_strength=0.1)
    assert [(a.seed, a.variation_seed) for a in rounds_of(varied)] == [(5, 8), (5, 9)]
