"""The steps that are told beforehand are those that are drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.request import GenerationRequest
from webui.contracts.steps import steps_of

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
        (AGAIN, 20 + 11),
        ({**AGAIN, "hires_steps": 7}, 20 + 7),
    ],
)
def test_a_picture_takes_as_many(fields: dict[str, Any], steps: int) -> None:
    assert steps_of(GenerationRequest(prompt="", steps=20, **fields), FAKE_CHECKPOINT) == steps


def test_an_upscaling_model_takes_all_steps_at_any_strength() -> None:
    upscaler = replace(FAKE_CHECKPOINT, task="upscale")
    assert steps_of(GenerationRequest(prompt="", steps=20, **HALF), upscaler) == 20
