from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order
from webui.contracts.ids import ModelId
from webui.contracts.parameters.upscaling import IN_TILES
from webui.contracts.request import GenerationRequest
from webui.engine.tiles import cover
from webui.engine.work import EncodeImage, Pixels, Predict
from webui.training.command import STARTER
from webui.training.evaluation.drawing import Supplies, draw, load_folder

SIDE, CELLS = 64, 16
"""Of the enlarged picture in pixels, and of a tile in cells of two pixels: the tiny model's own size."""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "small.png", SIDE // 4, SIDE // 4)


def made(library: Library, image: Path, **fields: Any) -> tuple[Rig, Pixels]:
    model = library.model("text")
    rig = Rig(model)
    size = {"upscaler": IN_TILES, "width": SIDE, "height": SIDE}
    rig.finish(order(model.checkpoint, files={"image": image}, **{**size, **fields}))
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig, rig.pictures("job")[0]


def test_the_enlarged_picture_is_what_is_redrawn(library: Library, image: Path) -> None:
    rig, picture = made(library, image, tile_upscaler="Nearest", tile_strength=0)
    shown = rig.works(EncodeImage)[0].pixels
    with Image.open(image) as small:
        expected = torch.from_numpy(np.asarray(small).repeat(4, 0).repeat(4, 1).copy())
    assert torch.allclose((shown[0].permute(1, 2, 0) + 1) * 127.5, expected.float(), atol=1e-2)
    assert picture.shape == (SIDE, SIDE, 3)
    assert rig.works(Predict) == []


@pytest.mark.parametrize(("overlap", "windows"), [(0.0, 4), (0.25, 9)])
def test_each_step_goes_window_by_window(
    library: Library, image: Path, overlap: float, windows: int
) -> None:
    rig, _ = made(library, image, tile_overlap=overlap, tile_strength=0.5, steps=3)
    steps = rig.steps("job")
    assert [(s.step, s.steps) for s in steps] == [(1, 2), (2, 2)]
    assert len(rig.works(Predict)) == 2 * windows
    assert {work.x.shape[-2:] for work in rig.works(Predict)} == {(CELLS, CELLS)}


def test_a_tile_may_be_larger_than_the_models_pictures(library: Library, image: Path) -> None:
    rig, _ = made(library, image, tile_size=128, tile_strength=0.1, steps=1)
    assert {work.x.shape[-2:] for work in rig.works(Predict)} == {(32, 32)}


def test_the_prompt_and_the_strength_count(library: Library, image: Path) -> None:
    little, other, much = (
        made(library, image, steps=2, tile_strength=strength, prompt=prompt)[1].astype(int)
        for strength, prompt in ((0.1, "a house"), (0.1, "a boat"), (0.9, "a house"))
    )
    kept = made(library, image, tile_strength=0)[1].astype(int)
    assert 0 < abs(little - kept).mean() < abs(much - kept).mean()
    assert not np.array_equal(little, other)


def test_no_seam_shows_where_tiles_overlap(tmp_path: Path) -> None:
    """Without overlap the borders do show, so that the measure is known to see them; a mean over pictures."""
    model = load_folder(STARTER / "text", ModelId("starter/text"))
    supplies, small = (
        Supplies(tmp_path),
        np.asarray(Image.open(save_picture(tmp_path / "a.png", 64, 64))),
    )
    fields = {
        **dict(model.checkpoint.defaults), "prompt": "green meadow with mountains at sunset",
        "image": supplies.keep(small), "upscaler": IN_TILES, "width": 256, "height": 256,
        "tile_size": 128, "tile_strength": 0.35, "steps": 8,
    }  # fmt: skip
    seeds = (3, 4, 5)  # that of one picture is between 1.1 and 1.7
    ways: list[dict[str, float]] = [{"tile_strength": 0}]
    ways += [{"seed": seed, **way} for seed in seeds for way in ({"tile_overlap": 0}, {})]
    requests = [GenerationRequest.model_validate({**fields, **way}) for way in ways]
    kept, *drawn = (picture.astype(float) for picture in draw(model, requests, supplies))
    assert np.mean([_seam(apart - kept, 0) for apart in drawn[::2]]) > 3
    assert np.mean([_seam(overlapping - kept, 4) for overlapping in drawn[1::2]]) < 1.6


def _seam(drawn: NDArray[np.float64], overlap: int) -> float:
    """The mean step of what was drawn across borders of tiles, over that across other cells' borders.

    Tiles have 16 cells of 8 pixels. A decoder's step from one cell to the next is larger than that
    within a cell, so like is compared with like.
    """
    cells = drawn.shape[0] // 8
    inner = {edge for w in cover(cells, cells, 16, overlap) for edge in (w.left, w.left + 16)}
    at = np.isin(np.arange(1, cells), list(inner))
    ratios = []
    for turned in (drawn, drawn.swapaxes(0, 1)):
        steps = np.abs(np.diff(turned, axis=1)).mean((0, 2))[7::8]  # between one cell and the next
        ratios.append(steps[at].mean() / steps[~at].mean())
    return float(max(ratios))
