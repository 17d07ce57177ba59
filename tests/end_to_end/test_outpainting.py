"""Drawing pictures on with the model in the box: can the old picture's side be seen in the new one?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from webui.contracts.ids import ModelId
from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.training.command import STARTER
from webui.training.evaluation.drawing import Supplies, draw, load_folder
from webui.training.evaluation.unseen import unseen
from webui.training.runs import Pixels

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SIDE, BEYOND, NEAR, STEPS = 192, 64, 40, 10
LARGE = 8
"""Pixels along a side of one of pixel art."""

Values = NDArray[np.float64]


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_folder(STARTER / "inpaint", ModelId("starter/inpaint"))


def drawn_on(model: LoadedModel, folder: Path, style: str = "flat", **fields: Any) -> list[Pixels]:
    """Four scenes without their right quarter, which is drawn on."""
    supplies, scenes = Supplies(folder), unseen(4, SIDE + BEYOND, style=style)
    requests = [
        GenerationRequest.model_validate(
            {
                "prompt": said.text, "seed": i, "steps": STEPS, "denoising_strength": 1,
                "image": supplies.keep(picture[:, :SIDE]), "outpaint_right": BEYOND,
                "width": SIDE + BEYOND, "height": SIDE + BEYOND,
                **dict(model.checkpoint.defaults), **fields,
            }
        )
        for i, (picture, said) in enumerate(zip(scenes.pictures, scenes.captions, strict=True))
    ]  # fmt: skip
    return draw(model, requests, supplies)


def steepness(pictures: list[Pixels]) -> Values:
    """Mean difference from each column to the next, in levels, over all pictures."""
    rows = [np.abs(np.diff(picture.astype(float), axis=1)).mean((0, 2)) for picture in pictures]
    mean: Values = np.mean(rows, 0)
    return mean


def seam_against_elsewhere(across: Values) -> float:
    """The steepest column where the old picture ends, as a multiple of what is usual beside it."""
    seam = across[SIDE - 3 : SIDE + 2]
    beside = np.concatenate(
        [across[SIDE - 3 - NEAR : SIDE - 3], across[SIDE + 2 : SIDE + 2 + NEAR]]
    )
    return float(seam.max() / beside.mean())


def test_the_seam_of_what_is_drawn_on_is_no_steeper_than_elsewhere(
    model: LoadedModel, tmp_path: Path
) -> None:
    mixed = steepness(drawn_on(model, tmp_path))
    abrupt = steepness(
        drawn_on(model, tmp_path, outpaint_overlap=0)
    )  # the old picture up to its side
    assert seam_against_elsewhere(abrupt) > 3
    assert seam_against_elsewhere(mixed) < 1.5
    begins = slice(SIDE - 28, SIDE - 20)  # where the model begins to draw, inside the old picture
    assert np.all(mixed[begins] < abrupt[begins] + 1)


def unevenness(pictures: list[Pixels]) -> float:
    """Mean difference between neighbours within a large pixel of what was drawn on, in levels."""
    across = steepness(pictures)
    within = [x for x in range(SIDE, SIDE + BEYOND - 1) if (x + 1) % LARGE]
    return float(across[within].mean())


def test_the_models_own_guidance_leaves_large_pixels_even(
    model: LoadedModel, tmp_path: Path
) -> None:
    own = unevenness(drawn_on(model, tmp_path, "pixel art"))
    strong = unevenness(drawn_on(model, tmp_path, "pixel art", guidance_scale=5))
    assert own < 0.7 * strong
