"""Adaptive projected guidance, by the extension point for guidance methods."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from webui.contracts.choices import CLASSIFIER_FREE, PROJECTED
from webui.engine.builtin.projected_guidance import LONGEST, MOMENTUM, across, projected
from webui.engine.extending import Moment
from webui.engine.guidance_method import Guesses


def guesses(apart: float, memory: dict[str, Tensor]) -> Guesses:
    """The negative prompt's guess is so far from the prompt's."""
    made = torch.Generator().manual_seed(1)
    prompt, by, x = torch.randn(3, 1, 4, 8, 6, generator=made)
    return Guesses(prompt, prompt - by * apart, x, 4.0, Moment(2.0, 1, 9), memory)


def test_only_what_is_across_the_guess_is_added_as_long_as_it_is_short() -> None:
    given = guesses(LONGEST / 2, {})
    added = projected(given) - given.prompt
    assert float((added * given.prompt).sum()) == pytest.approx(0, abs=1e-3)
    wanted = across(given.prompt - given.negative, given.prompt) * 3
    assert torch.allclose(added, wanted, atol=1e-6)


def test_a_long_difference_is_as_long_as_the_bound() -> None:
    near, far = (projected(guesses(apart, {})) for apart in (1.0, 50.0))
    assert torch.allclose(near, far, atol=1e-5)
    given = guesses(50.0, {})
    added = (far - given.prompt) / 3
    assert 0.5 * LONGEST < float(added.square().mean().sqrt()) <= LONGEST * 1.001


def test_a_difference_that_comes_again_counts_less() -> None:
    memory: dict[str, Tensor] = {}
    given = guesses(LONGEST / 4, memory)
    first, again = (projected(given) - given.prompt for _ in range(2))
    assert torch.allclose(again, first * (1 + MOMENTUM), atol=1e-6)


def test_a_request_asks_for_it_and_its_memory_is_of_one_pass(library: Library) -> None:
    model = library.model("text")
    rig = Rig(model)
    asked: dict[str, dict[str, Any]] = {
        "usual": {},
        "named": {"guidance_method": CLASSIFIER_FREE},
        "projected": {"guidance_method": PROJECTED},
        "again": {"guidance_method": PROJECTED},
        "parts": {"guidance_method": PROJECTED, "prompt": "a boat AND a lake :0.5"},
        "tamed": {"guidance_method": PROJECTED, "guidance_rescale": 0.7, "mimic_scale": 3.0},
        "unguided": {"guidance_method": PROJECTED, "guidance_scale": 1.0},
        "unguided, usual": {"guidance_scale": 1.0},
    }
    for job, fields in asked.items():
        rig.finish(order(model.checkpoint, job, **{"guidance_scale": 9.0, **fields}))
    assert rig.ends() == dict.fromkeys(asked, "done")
    made = {job: rig.pictures(job)[0] for job in asked}
    same = {job: [n for n in asked if np.array_equal(made[n], made[job])] for job in asked}
    assert same["usual"] == ["usual", "named"]
    assert same["projected"] == ["projected", "again"]
    assert same["parts"] == ["parts"]
    assert same["tamed"] == ["tamed"]
    assert same["unguided"] == ["unguided", "unguided, usual"]
