"""Control pictures, their masks and class maps are cut with the part of a picture that is drawn, and grow with its frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.library import Library, save_grey, save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import Task
from webui.contracts.frame import Frame
from webui.contracts.parameters.regions import REGION_PROMPTS
from webui.contracts.parameters.start_image import (
    CROP,
    JUST_RESIZE,
    JUST_RESIZE_LATENT,
    RESIZE_AND_FILL,
)
from webui.engine.adapters.control import Control
from webui.engine.adapters.store import AdapterStore
from webui.engine.programs import PictureOrder
from webui.engine.programs.part import Part
from webui.engine.programs.regions import regions_of
from webui.engine.programs.start_image import resized
from webui.engine.programs.steering import HIDDEN
from webui.engine.work import Pixels, Predict

LEFT, TOP, SIDE, WHOLE = 32, 16, 64, 128
"""The part that is redrawn of a picture of 128x128: as large as it is drawn, so that no pixel is resampled."""

FRAMED = {"width": WHOLE + 32, "height": WHOLE}
"""Sides of the picture with what is drawn beyond its right side."""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    mask = np.zeros((WHOLE, WHOLE), np.uint8)
    mask[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = 255
    return {
        "image": save_picture(tmp_path / "image.png", WHOLE, WHOLE),
        "mask": save_grey(tmp_path / "mask.png", mask),
        "hint": save_picture(tmp_path / "hint.png", WHOLE, WHOLE, seed=1),
    }


def steered(
    library: Library, info: AdapterInfo, files: dict[str, Path], use: dict[str, Any], **fields: Any
) -> Control:
    """What steers the first prediction of a job."""
    rig = Rig(library.model("text"), adapters=AdapterStore(2**30, on_loaded=lambda: None))
    unit = {"adapter": info.id, "image": image_id(files["hint"]), **use}
    rig.finish(
        order(
            library.model("text").checkpoint, files=files, adapters=(info,), controls=[unit],
            mask_blur=0, masked_padding=0, steps=2, **fields,
        )
    )  # fmt: skip
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig.works(Predict)[0].controls[0]


def shown(control: Control) -> Pixels:
    """Its hint as a picture (H, W, 3)."""
    return np.asarray((control.hint[0] * 255).round().byte().permute(1, 2, 0))


def opened(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image).copy()


def test_a_control_picture_is_cut_as_the_part_that_is_drawn(
    library: Library, files: dict[str, Path]
) -> None:
    control = steered(
        library, library.control(), files, {}, inpaint_area="Only masked", width=SIDE, height=SIDE
    )
    part = opened(files["hint"])[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
    assert np.array_equal(shown(control), part)
    assert control.mask is None


def test_the_mask_of_a_control_is_cut_alike(
    library: Library, files: dict[str, Path], tmp_path: Path
) -> None:
    where = np.zeros((WHOLE, WHOLE), np.uint8)
    where[:, : LEFT + SIDE // 2] = 255
    files["where"] = save_grey(tmp_path / "where.png", where)
    use = {"mask": image_id(files["where"])}
    area = {"inpaint_area": "Only masked", "width": SIDE, "height": SIDE}
    mask = steered(library, library.control(), files, use, **area).mask
    assert mask is not None
    half = mask.shape[-1] // 2
    assert (mask[..., :half] == 1).all()
    assert (mask[..., half:] == 0).all()


def test_a_control_picture_of_the_pictures_size_has_no_say_beyond_its_sides(
    library: Library, files: dict[str, Path]
) -> None:
    files.pop("mask")
    control = steered(library, library.control(), files, {}, outpaint_right=32, **FRAMED)
    own = opened(files["hint"])
    assert np.array_equal(shown(control), np.concatenate((own, own[:, :-33:-1]), axis=1))
    assert control.mask is not None
    cells = control.mask.shape[-1] * WHOLE // FRAMED["width"]
    assert (control.mask[..., :cells] == 1).all()
    assert (control.mask[..., cells:] == 0).all()


def test_one_of_the_size_with_the_frame_steers_what_is_new_too(
    library: Library, files: dict[str, Path], tmp_path: Path
) -> None:
    files.pop("mask")
    files["hint"] = save_picture(tmp_path / "wide.png", FRAMED["width"], WHOLE, seed=2)
    control = steered(library, library.control(), files, {}, outpaint_right=32, **FRAMED)
    assert np.array_equal(shown(control), opened(files["hint"]))
    assert control.mask is None


def test_an_inpainting_controlnet_is_shown_minus_one_where_the_mask_is(
    library: Library, files: dict[str, Path]
) -> None:
    info = library.control("mends", reads="inpaint")
    control = steered(library, info, files, {}, width=WHOLE, height=WHOLE)
    masked = torch.from_numpy(opened(files["mask"]) > 0)
    assert (control.hint[0][:, masked] == HIDDEN).all()
    kept = np.asarray(~masked)
    assert np.array_equal(shown(control)[kept], opened(files["hint"])[kept])


def test_what_is_see_through_is_hidden_from_it_without_a_mask(
    library: Library, tmp_path: Path
) -> None:
    values = np.full((64, 64, 4), 200, np.uint8)
    values[..., 3] = 255
    values[:32, :, 3] = 0
    Image.fromarray(values).save(tmp_path / "torn.png")
    info = library.control("mends", reads="inpaint")
    control = steered(library, info, {"hint": tmp_path / "torn.png"}, {}, width=64, height=64)
    assert (control.hint[..., :32, :] == HIDDEN).all()
    assert (control.hint[..., 32:, :] > 0).all()


def test_regions_are_those_of_the_part_that_is_drawn(library: Library, tmp_path: Path) -> None:
    halves = np.zeros((WHOLE, WHOLE), np.uint8)
    halves[:, 64:] = 1
    path, model = save_grey(tmp_path / "halves.png", halves), library.model("text")
    box = {"label": "boat", "left": 0.75, "top": 0.0, "right": 1.0, "bottom": 1.0}
    job = order(
        model.checkpoint, files={"class_map": path}, map_driver=REGION_PROMPTS, boxes=[box],
        regions=[{"value": 0, "prompt": "a lake"}, {"value": 1, "prompt": "a meadow"}],
        width=SIDE, height=SIDE,
    )  # fmt: skip
    whole = PictureOrder(job.request, 0, {image_id(path): path})
    right = Part(Frame((WHOLE, WHOLE), 0, 0, 0, 0), (64, 32, 128, 96), (SIDE, SIDE))
    assert [region.prompt for region in regions_of(whole, model)] == ["a lake", "a meadow", "boat"]
    meadow, boat = regions_of(replace(whole, part=right), model)
    half = meadow.share.shape[-1] // 2
    assert (meadow.share[..., :half] == 1).all()
    assert (boat.share[..., half:] == 1).all()


MODES = (JUST_RESIZE, CROP, RESIZE_AND_FILL, JUST_RESIZE_LATENT)


@pytest.fixture
def wide(tmp_path: Path) -> dict[str, Path]:
    """A start image of 128x64 and a control picture that was made of it, half as large."""
    picture = save_picture(tmp_path / "wide.png", WHOLE, WHOLE // 2, seed=3)
    with Image.open(picture) as image:
        image.resize((WHOLE // 2, WHOLE // 4), Image.Resampling.BOX).save(tmp_path / "small.png")
    return {"image": picture, "hint": tmp_path / "small.png"}


@pytest.mark.parametrize("mode", MODES)
def test_a_control_picture_of_the_start_image_goes_as_that_goes(
    library: Library, wide: dict[str, Path], mode: str
) -> None:
    size = {"width": WHOLE, "height": WHOLE}
    control = steered(library, library.control(), wide, {}, resize_mode=mode, **size)
    with Image.open(wide["hint"]) as hint:
        expected = resized(hint, WHOLE, WHOLE, mode, Image.Resampling.BOX)
    assert np.array_equal(shown(control), np.asarray(expected))


def test_its_left_edge_is_drawn_where_that_of_a_stretched_image_is(
    library: Library, wide: dict[str, Path], tmp_path: Path
) -> None:
    marked = np.zeros((32, 64, 3), np.uint8)
    marked[:, :8] = 255
    Image.fromarray(marked).save(tmp_path / "marked.png")
    wide["hint"] = tmp_path / "marked.png"
    size = {"width": 64, "height": 64}
    stretched = steered(library, library.control(), wide, {}, resize_mode=JUST_RESIZE, **size)
    assert (shown(stretched)[:, :8] == 255).all()
    assert (shown(stretched)[:, 8:] == 0).all()
    cropped = steered(library, library.control(), wide, {}, resize_mode=CROP, **size)
    assert (shown(cropped) == 0).all()


def test_a_control_picture_of_another_shape_is_cropped_whatever_the_image_is(
    library: Library, wide: dict[str, Path], tmp_path: Path
) -> None:
    wide["hint"] = save_picture(tmp_path / "square.png", 32, 64, seed=4)
    size = {"width": 64, "height": 64}
    control = steered(library, library.control(), wide, {}, resize_mode=JUST_RESIZE, **size)
    with Image.open(wide["hint"]) as hint:
        expected = resized(hint, 64, 64, CROP, Image.Resampling.BOX)
    assert np.array_equal(shown(control), np.asarray(expected))


def test_the_mask_of_a_control_goes_as_the_start_image_goes(
    library: Library, wide: dict[str, Path], tmp_path: Path
) -> None:
    where = np.zeros((64, 128), np.uint8)
    where[:, :32] = 255  # nothing of which is in the square in the middle
    wide["where"] = save_grey(tmp_path / "where.png", where)
    use, size = {"mask": image_id(wide["where"])}, {"width": 64, "height": 64}
    mask = steered(library, library.control(), wide, use, resize_mode=JUST_RESIZE, **size).mask
    assert mask is not None
    quarter = mask.shape[-1] // 4
    assert (mask[..., :quarter] == 1).all()
    assert (mask[..., quarter:] == 0).all()


@pytest.mark.parametrize("mode", [JUST_RESIZE, CROP])
def test_a_unit_that_says_how_is_resized_so_whatever_the_start_image_is(
    library: Library, wide: dict[str, Path], mode: str
) -> None:
    other = CROP if mode == JUST_RESIZE else JUST_RESIZE
    size = {"width": 64, "height": 64}
    use = {"resize_mode": mode}
    control = steered(library, library.control(), wide, use, resize_mode=other, **size)
    with Image.open(wide["hint"]) as hint:
        expected = resized(hint, 64, 64, mode, Image.Resampling.BOX)
    assert np.array_equal(shown(control), np.asarray(expected))


def test_a_unit_that_is_filled_out_is_whole_with_a_colour_of_its_edge_beyond(
    library: Library, tmp_path: Path
) -> None:
    """A line that touches the edge ends there; the start image's own way would draw it on."""
    marked = np.full((32, 64, 3), (10, 20, 30), np.uint8)
    marked[:, 30:34] = 255
    Image.fromarray(marked).save(tmp_path / "marked.png")
    files = {"hint": tmp_path / "marked.png"}
    use = {"resize_mode": RESIZE_AND_FILL}
    control = steered(library, library.control(), files, use, width=64, height=64)
    expected = np.full((64, 64, 3), (10, 20, 30), np.uint8)
    expected[16:48] = marked
    assert np.array_equal(shown(control), expected)


def test_what_is_filled_out_of_a_class_map_is_a_class_of_its_edge(
    library: Library, tmp_path: Path
) -> None:
    """The median of two colours is neither."""
    halves = np.zeros((32, 64, 3), np.uint8)
    halves[:, :32], halves[:, 32:] = (0, 200, 10), (200, 0, 90)
    Image.fromarray(halves).save(tmp_path / "halves.png")
    info = library.control("map", reads="classes")
    use = {"resize_mode": RESIZE_AND_FILL}
    hint = {"hint": tmp_path / "halves.png"}
    control = steered(library, info, hint, use, width=64, height=64)
    colours = {tuple(pixel) for pixel in shown(control).reshape(-1, 3).tolist()}
    assert colours == {(0, 200, 10), (200, 0, 90)}


def test_what_an_inpainting_controlnet_is_filled_out_with_is_hidden_from_it(
    library: Library, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 32), (200, 200, 200)).save(tmp_path / "flat.png")
    info = library.control("mends", reads="inpaint")
    use = {"resize_mode": RESIZE_AND_FILL}
    control = steered(library, info, {"hint": tmp_path / "flat.png"}, use, width=64, height=64)
    rows = control.hint[0, 0].amax(1)
    assert (rows[:16] == HIDDEN).all()
    assert (rows[16:48] > 0).all()
    assert (rows[48:] == HIDDEN).all()


def test_a_unit_of_another_shape_is_brought_to_the_whole_picture_and_then_cut(
    library: Library, files: dict[str, Path], tmp_path: Path
) -> None:
    files["hint"] = save_picture(tmp_path / "wide.png", WHOLE, WHOLE // 2, seed=5)
    area = {"inpaint_area": "Only masked", "width": SIDE, "height": SIDE}
    use = {"resize_mode": JUST_RESIZE}
    control = steered(library, library.control(), files, use, **area)
    with Image.open(files["hint"]) as hint:
        whole = np.asarray(hint.resize((WHOLE, WHOLE), Image.Resampling.BOX))
    assert np.array_equal(shown(control), whole[TOP : TOP + SIDE, LEFT : LEFT + SIDE])


@pytest.mark.parametrize(("task", "name"), [("semantic", "class_map"), ("depth", "depth_map")])
def test_a_map_of_the_start_image_goes_as_that_goes(
    library: Library, tmp_path: Path, task: Task, name: str
) -> None:
    values = np.zeros((64, 128), np.uint8)
    values[:, :32] = 1  # nothing of which is in the square in the middle
    files = {
        "image": save_picture(tmp_path / "image.png", 128, 64),
        name: save_grey(tmp_path / "map.png", values),
    }
    model = library.model(task)
    rig = Rig(model)
    job = order(model.checkpoint, files=files, resize_mode=JUST_RESIZE, width=64, height=64)
    rig.finish(job)
    planes = rig.works(Predict)[0].x[0, 4:]
    # The edge is a quarter from the left, and soft in a map of depths.
    eighth = planes.shape[-1] // 8
    near, far = planes[..., :eighth], planes[..., 3 * eighth :]
    assert (near == near[..., :1]).all()
    assert (far == far[..., :1]).all()
    assert (near[..., 0] != far[..., 0]).any()
