"""What was made is drawn again, by the same settings and at any size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.engine.drive import drive
from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.checkpoint import Task
from webui.contracts.errors import BadRequest
from webui.contracts.request import GenerationRequest
from webui.engine.execute import execute
from webui.engine.programs import PictureOrder
from webui.engine.programs.redraw import redraw
from webui.engine.work import Pixels, StepTaken, Work

FIELDS: dict[str, Any] = {"prompt": "a house", "seed": 7, "steps": 3, "sampler": "Euler"}


def answered(work: Work) -> object:
    (answer,) = execute([work])
    return answer


@pytest.fixture
def picture(tmp_path: Path) -> Pixels:
    return np.asarray(Image.open(save_picture(tmp_path / "a.png", 64, 64)))


def test_it_is_what_image_to_image_makes_of_the_file(
    library: Library, tmp_path: Path, picture: Pixels
) -> None:
    model = library.model("text")
    rig = Rig(model)
    files = {"image": tmp_path / "a.png"}
    rig.finish(order(model.checkpoint, files=files, width=64, height=64, denoising_strength=0.6, **FIELDS))  # fmt: skip
    plain = PictureOrder(GenerationRequest(**FIELDS), 0)
    again = drive(redraw(plain, model, picture, (64, 64), 0.6), answered)
    assert np.array_equal(again, rig.pictures("job")[0])


def test_what_is_said_of_the_whole_does_not_hold_for_the_part(
    library: Library, picture: Pixels
) -> None:
    """A mask and a class map that are no files would be missed; tiling would show at the edges."""
    model = library.model("text")
    plain = PictureOrder(GenerationRequest(**FIELDS), 0)
    busy = plain.request.model_copy(
        update={"mask": image_id(Path("mask")), "class_map": image_id(Path("map")), "tiling": True}
    )
    parts = [
        drive(redraw(replace(plain, request=request), model, picture, (64, 64), 0.6), answered)
        for request in (plain.request, busy)
    ]
    assert np.array_equal(parts[0], parts[1])


def test_its_own_words_are_followed_and_its_steps_are_not_told(
    library: Library, picture: Pixels
) -> None:
    model = library.model("text")
    plain = PictureOrder(GenerationRequest(**FIELDS), 0)
    made = []
    for prompt in ("", "a (boat:1.2)"):
        task = redraw(plain, model, picture, (80, 64), 0.9, prompt)
        answer: object = None
        try:
            while True:
                wanted = task.send(answer)
                assert not isinstance(wanted, StepTaken)
                answer = answered(wanted)
        except StopIteration as ended:
            made.append(ended.value)
    assert made[0].shape == (64, 80, 3)
    assert not np.array_equal(made[0], made[1])


@pytest.mark.parametrize("task", ["semantic", "upscale"])
def test_a_model_that_draws_by_a_picture_of_the_whole_is_refused(
    library: Library, picture: Pixels, task: Task
) -> None:
    plain = PictureOrder(GenerationRequest(**FIELDS), 0)
    with pytest.raises(BadRequest, match=f"its task is '{task}'"):
        drive(redraw(plain, library.model(task), picture, (64, 64), 0.5), answered)
