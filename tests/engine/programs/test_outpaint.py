"""What is new around a picture, and how it meets what was there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.engine.library import Library, save_grey, save_picture
from tests.engine.rig import Rig, order
from webui.contracts.checkpoint import Task
from webui.contracts.frame import Frame
from webui.engine.programs.outpaint import REDRAWN, laid_over, mirrored_beyond, redrawn
from webui.engine.work import EncodeImage, Pixels, Predict

TASKS: list[Task] = ["inpaint", "text"]
LEFT_AND_BELOW = Frame((4, 3), left=2, top=0, right=0, bottom=5)
SIDES = {"outpaint_left": 16, "outpaint_bottom": 8}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "image.png", 64, 56)


def opened(path: Path) -> Pixels:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).copy()


def drawn_on(library: Library, task: Task, files: dict[str, Path], **fields: Any) -> Rig:
    """A rig that has drawn a picture on; its size is the frame's unless another is asked for."""
    rig = Rig(library.model(task))
    values = {"width": 80, "height": 64, "outpaint_overlap": 8, **SIDES, **fields}
    rig.finish(order(library.model(task).checkpoint, files=files, **values))
    return rig


def test_the_picture_is_mirrored_into_its_frame_again_and_again() -> None:
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    made = np.asarray(mirrored_beyond(Image.fromarray(values), LEFT_AND_BELOW))
    assert made.shape == (8, 6)
    assert np.array_equal(made[:3, 2:], values)
    assert made[0].tolist() == [1, 0, 0, 1, 2, 3]
    assert made[:, 2].tolist() == [0, 4, 8, 8, 4, 0, 0, 4]


def test_all_of_the_frame_is_new_and_the_picture_from_the_overlap_on_is_old() -> None:
    frame = Frame((40, 20), left=8, top=0, right=0, bottom=0)
    laid = laid_over(frame, 16)
    assert np.all(laid[:, :8] == 255)
    assert np.all(laid[:, 8 + 16 :] == 0)
    assert np.all(np.diff(laid[0].astype(int)) <= 0)
    assert abs(int(laid[0, 8 + 8]) - 127) <= 15
    assert np.all(laid == laid[0])


def test_without_an_overlap_all_of_the_picture_is_old() -> None:
    laid = laid_over(Frame((40, 20), left=8, top=0, right=0, bottom=0), 0)
    assert np.all(laid[:, :8] == 255)
    assert np.all(laid[:, 8:] == 0)


def test_the_model_draws_the_frame_and_a_strip_inside_what_is_mixed() -> None:
    frame = Frame((40, 20), left=8, top=0, right=0, bottom=0)
    mask = redrawn(frame, 16)
    assert np.flatnonzero(mask[0]).tolist() == list(range(int(8 + 16 * REDRAWN)))
    assert np.all(redrawn(frame, 0)[0, :8] == 255)
    assert np.all(redrawn(frame, 0)[0, 8:] == 0)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("content", ["original", "fill"])
def test_what_lies_deeper_than_the_overlap_stays_to_the_bit(
    library: Library, image: Path, task: Task, content: str
) -> None:
    rig = drawn_on(library, task, {"image": image}, masked_content=content)
    made, before = rig.pictures("job")[0], opened(image)
    assert made.shape == (64, 80, 3)
    assert np.array_equal(made[:48, 16 + 8 :], before[:48, 8:])
    assert not np.array_equal(made[:56, 16:24], before[:, :8])


def test_an_inpainting_model_is_told_that_the_frame_is_missing(
    library: Library, image: Path
) -> None:
    planes = drawn_on(library, "inpaint", {"image": image}).works(Predict)[0].x[0, 4]
    assert planes.shape == (32, 40)
    assert bool((planes[:, :8] == 1).all() and (planes[28:] == 1).all())
    assert bool((planes[:24, 12:] == 0).all())


def test_a_mask_of_the_picture_is_redrawn_too(
    library: Library, image: Path, tmp_path: Path
) -> None:
    values = np.zeros((56, 64), np.uint8)
    values[4:12, 20:32] = 255
    files = {"image": image, "mask": save_grey(tmp_path / "mask.png", values)}
    made = drawn_on(library, "text", files, mask_blur=0).pictures("job")[0]
    changed = np.any(made[:48, 24:] != opened(image)[:48, 8:], -1)
    assert np.all(~changed | (values[:48, 8:] > 0))
    assert changed[4:12, 12:24].mean() > 0.9


def test_soft_inpainting_leaves_nothing_of_the_mirror_in_the_frame(
    library: Library, image: Path
) -> None:
    kept = {"soft_inpainting": True, "soft_difference_threshold": 8.0, "denoising_strength": 0.3}
    rig = drawn_on(library, "text", {"image": image}, **kept)
    plain = drawn_on(library, "text", {"image": image}, denoising_strength=0.3)
    mirrored = opened(image)[:, :16][:, ::-1]
    for made in (rig.pictures("job")[0], plain.pictures("job")[0]):
        assert not np.array_equal(made[:56, :16], mirrored)
    assert np.array_equal(rig.pictures("job")[0][:48, 24:], opened(image)[:48, 8:])


def test_only_the_new_part_can_be_drawn_at_a_size_of_its_own(library: Library, image: Path) -> None:
    fields = {"inpaint_area": "Only masked", "masked_padding": 4, "width": 64, "height": 64}
    rig = drawn_on(library, "inpaint", {"image": image}, **fields)
    assert rig.works(EncodeImage)[0].pixels.shape == (1, 3, 64, 64)
    made = rig.pictures("job")[0]
    assert made.shape == (64, 80, 3)
    assert np.array_equal(made[:48, 24:], opened(image)[:48, 8:])


def test_a_picture_of_any_size_is_drawn_on_to_whole_cells(library: Library, tmp_path: Path) -> None:
    odd = save_picture(tmp_path / "odd.png", 61, 54)
    made = drawn_on(library, "text", {"image": odd}).pictures("job")[0]
    assert made.shape == (64, 80, 3)
    assert np.array_equal(made[:46, 24 : 16 + 61 - 8], opened(odd)[:46, 8:-8])
