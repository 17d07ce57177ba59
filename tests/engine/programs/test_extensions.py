"""Every program hands extensions on: each point is asked as often as it says, and what it changes shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.changing import POINTS, asked_of, write_changing
from tests.engine.library import CLASSES, Library, save_grey, save_picture
from tests.engine.rig import Rig, order
from webui.contracts.checkpoint import Task
from webui.contracts.messages import RunJob
from webui.contracts.parameters.upscaling import IN_TILES
from webui.engine.model import LoadedModel
from webui.engine.programs import PROGRAMS

STEPS = 2


@dataclass(frozen=True)
class Case:
    """A program, and a request that runs it."""

    program: str
    task: Task = "text"
    files: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    passes: int = 1
    """Of a sampler."""
    networks: int = 1
    """That are told what to follow."""
    draws: bool = True
    refines: bool = False
    """Whether another model draws the second half."""


HIRES: Mapping[str, Any] = {"hires_scale": 2.0, "denoising_strength": 1.0}
BOXES = [{"label": CLASSES[0], "left": 0, "top": 0, "right": 0.5, "bottom": 0.5}]
IN_FOUR: Mapping[str, Any] = {"upscaler": IN_TILES, "width": 64, "height": 64, "tile_strength": 1.0}
CASES: Mapping[str, Case] = {
    "words": Case("txt2img"),
    "a class map": Case("txt2img", "semantic", ("class_map",)),
    "boxes": Case("txt2img", "layout", (), {"boxes": BOXES}),
    "a depth map": Case("txt2img", "depth", ("depth_map",)),
    "a second pass": Case("txt2img", fields=HIRES, passes=2, networks=2),
    "a refiner": Case("txt2img", networks=2, refines=True),
    "a large picture": Case("txt2img", fields={"width": 160, "height": 64}),
    "a picture": Case("img2img", files=("image",)),
    "a mask": Case("inpaint", files=("image", "mask")),
    "a soft mask": Case("inpaint", files=("image", "mask"), fields={"soft_inpainting": True}),
    "a mask for a model of masks": Case("inpaint", "inpaint", ("image", "mask")),
    "an edit": Case("edit", "edit", ("image",)),
    "a variation": Case("variation", "variation", ("image",), {"width": 64, "height": 64}),
    "upscaling without words": Case("upscale", "upscale", ("image",)),
    "upscaling in tiles": Case("tiled upscale", files=("image",), fields=IN_FOUR),
    "resampling": Case("resample", files=("image",), fields={"upscaler": "Lanczos"}, draws=False),
}


@pytest.fixture
def files(tmp_path: Path) -> Mapping[str, Path]:
    """A picture for each field that takes one."""
    mask = np.full((32, 32), 255, np.uint8)
    mask[:4] = 0
    classes = (np.arange(32 * 32, dtype=np.uint8) % 3).reshape(32, 32)
    ramp = np.arange(32, dtype=np.uint8)[None].repeat(32, 0) * 8
    return {
        "image": save_picture(tmp_path / "image.png", 16, 16),
        "mask": save_grey(tmp_path / "mask.png", mask),
        "class_map": save_grey(tmp_path / "classes.png", classes),
        "depth_map": save_grey(tmp_path / "depth.png", ramp),
    }


def ordered(case: Case, models: list[LoadedModel], which: str, files: Mapping[str, Path]) -> RunJob:
    """The case's request with the extension, which changes one thing."""
    fields: dict[str, Any] = {
        "steps": STEPS, "sampler": "Euler", "denoising_strength": 1.0, **case.fields,
        "extensions": {"changing": {"which": which}},
    }  # fmt: skip
    if case.refines:
        fields |= {"refiner": str(models[1].checkpoint.id), "refiner_switch_at": 0.5}
    own = {name: files[name] for name in case.files}
    command = order(models[0].checkpoint, which, files=own, **fields)
    return replace(command, others=tuple(model.checkpoint for model in models[1:]))


def test_no_program_is_left_out() -> None:
    assert {case.program for case in CASES.values()} == set(PROGRAMS)


@pytest.mark.parametrize("name", CASES)
def test_a_program_asks_at_every_point_and_what_is_changed_shows(
    name: str, library: Library, other_model: LoadedModel, files: Mapping[str, Path], tmp_path: Path
) -> None:
    case = CASES[name]
    models = [library.model(case.task), *([other_model] if case.refines else [])]
    folder = write_changing(tmp_path)
    rig = Rig(*models)
    rig.engine.extensions.use({"changing": str(folder)})
    rig.finish(ordered(case, models, "nothing", files))
    assert rig.ends() == {"nothing": "done"}, rig.error("nothing")
    drawn = case.passes * STEPS if case.draws else 0
    asked = asked_of(folder)
    assert asked["program"] == asked["picture"] == 1
    assert asked["conditioning"] == (case.networks if case.draws else 0)
    assert asked["sampled"] == (case.passes if case.draws else 0)
    assert (asked["latent"], asked["denoised"]) == (drawn, drawn)
    assert asked["guidance"] >= drawn
    plain = rig.pictures("nothing")[0]
    for point in POINTS if case.draws else ("picture", "program"):
        rig.finish(ordered(case, models, point, files))
        assert rig.ends()[point] == "done", rig.error(point)
        assert not np.array_equal(rig.pictures(point)[0], plain), point
