from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.library import Library, save_grey
from tests.engine.rig import Rig, order
from webui.contracts.checkpoint import Task
from webui.contracts.errors import BadImage
from webui.engine.programs.conditions import (
    class_planes,
    depth_plane,
    hide_masked,
    mask_plane,
    noised_picture,
)
from webui.engine.work import Predict


def test_a_class_map_becomes_shares_of_each_quarter_cell() -> None:
    ids = np.zeros((8, 16), np.uint8)
    ids[:, 8:] = 2
    ids[4:8, 0:2] = 1  # half of the lower left quarter of the first cell
    planes = class_planes(ids, classes=3)
    assert planes.shape == (1, 12, 1, 2)
    first, second = planes[0, :, 0, 0].view(3, 2, 2), planes[0, :, 0, 1].view(3, 2, 2)
    assert first[0].tolist() == [[1, 1], [0.5, 1]]
    assert first[1].tolist() == [[0, 0], [0.5, 0]]
    assert first[2].sum() == 0
    assert second[2].tolist() == [[1, 1], [1, 1]]


def test_the_shares_of_a_place_sum_to_one_and_a_batch_is_its_members() -> None:
    ids = np.random.default_rng(0).integers(0, 16, (3, 24, 40), dtype=np.uint8)
    planes = class_planes(ids, 16)
    assert planes.shape == (3, 64, 3, 5)
    assert torch.allclose(planes.view(3, 16, 4, 3, 5).sum(1), torch.ones(3, 4, 3, 5))
    assert torch.equal(planes[1:2], class_planes(torch.from_numpy(ids[1]), 16))


def test_a_part_of_a_cell_is_filled_from_its_edge() -> None:
    ids = np.zeros((8, 12), np.uint8)
    ids[:, 11] = 1
    planes = class_planes(ids, 2)
    assert planes.shape == (1, 8, 1, 2)
    assert planes[0, 4:, 0, 1].tolist() == [0.25, 1, 0.25, 1]


def test_a_class_that_the_model_does_not_know_is_named() -> None:
    with pytest.raises(BadImage, match=r"value 7.*classes 0 to 3"):
        class_planes(np.full((8, 8), 7, np.uint8), 4)


@pytest.mark.parametrize("scale", [1, 257])
def test_a_depth_map_of_any_depth_is_stretched(scale: int) -> None:
    depth = np.zeros((16, 16), np.uint16)
    depth[:8, :8], depth[8:, 8:] = 100 * scale, 50 * scale
    plane = depth_plane(depth)
    assert plane.tolist() == [[[[1, -1], [-1, 0]]]]


def test_a_flat_depth_map_is_zero_and_each_map_of_a_batch_stands_alone() -> None:
    depths = np.full((2, 4, 4), 9, np.uint8)
    depths[1, 0, 0] = 200
    plane = depth_plane(depths, factor=1)
    assert plane[0].abs().max() == 0
    assert (float(plane[1].min()), float(plane[1].max())) == (-1, 1)


def test_a_cell_with_any_masked_pixel_is_redrawn() -> None:
    mask = np.zeros((16, 20), np.uint8)
    mask[15, 7] = 1
    mask[0, 19] = 255
    plane = mask_plane(mask)
    assert plane.tolist() == [[[[0, 0, 1], [1, 0, 0]]]]


def test_what_is_masked_is_hidden_behind_grey() -> None:
    pixels = torch.full((1, 3, 2, 2), 0.5)
    mask = np.array([[0, 1], [255, 0]], np.uint8)
    assert hide_masked(pixels, mask)[0, 0].tolist() == [[0.5, 0], [0, 0.5]]


def test_noise_augmentation_adds_noise_of_the_level() -> None:
    low, noise = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    noised = noised_picture(low, torch.tensor([0.0, 0.25]), noise)
    assert noised[0].abs().max() == 0
    assert set(noised[1].flatten().tolist()) == {0.25}
    assert torch.equal(noised_picture(low[:1], 0.25, noise[:1]), noised[1:])


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A grey picture of 32x32: 0 above, 1 below."""
    return save_grey(tmp_path / "lines.png", (np.arange(1024) // 512).reshape(32, 32).astype("u1"))


def test_a_semantic_model_is_shown_the_class_map(library: Library, lines: Path) -> None:
    rig, model = Rig(library.model("semantic")), library.model("semantic")
    rig.finish(order(model.checkpoint, files={"class_map": lines}))
    planes = rig.works(Predict)[0].x[:, 4:]
    assert planes.shape == (2, 12, 16, 16)
    assert torch.equal(planes[0], planes[1])
    with Image.open(lines) as ids:
        assert torch.equal(planes[:1], class_planes(np.asarray(ids), 3, 2))


def test_a_depth_model_is_shown_the_depth_map(library: Library, lines: Path) -> None:
    rig, model = Rig(library.model("depth")), library.model("depth")
    rig.finish(order(model.checkpoint, files={"depth_map": lines}))
    plane = rig.works(Predict)[0].x[0, 4]
    assert set(plane[:8].flatten().tolist()) == {-1}
    assert set(plane[8:].flatten().tolist()) == {1}


def test_a_map_goes_along_with_a_start_image_too(library: Library, lines: Path) -> None:
    rig, model = Rig(library.model("semantic")), library.model("semantic")
    files = {"class_map": lines, "image": lines}
    rig.finish(order(model.checkpoint, files=files, denoising_strength=0.5))
    assert rig.ends() == {"job": "done"}
    assert rig.works(Predict)[0].x.shape[1] == 16


@pytest.mark.parametrize(("task", "what"), [("semantic", "class map"), ("depth", "depth map")])
def test_a_missing_map_is_named(library: Library, task: Task, what: str) -> None:
    rig = Rig(library.model(task))
    rig.finish(order(library.model(task).checkpoint))
    assert f"has no {what}, which this model needs" in rig.error("job")


def box(label: str, left: float = 0.0) -> dict[str, object]:
    return {"label": label, "left": left, "top": 0.25, "right": 0.75, "bottom": 1.0}


def test_boxes_stand_beside_the_text_in_the_row_of_the_prompt(library: Library) -> None:
    model = library.model("layout")
    rig = Rig(model)
    rig.finish(order(model.checkpoint, boxes=[box("sand", 0.5), box("sky")]))
    tokens = rig.works(Predict)[0].tokens
    assert tokens is not None
    assert tokens.shape == (2, 77 + 4, 16)
    assert model.layout_encoder is not None
    given = torch.tensor([[[2.0, 0.5, 0.25, 0.75, 1.0], [0.0, 0.0, 0.25, 0.75, 1.0]]])
    with torch.inference_mode():
        assert torch.equal(tokens[:1, 77:], model.layout_encoder(given))
        assert torch.equal(tokens[1:, 77:], model.layout_encoder(given[:, :0]))


def test_a_layout_model_draws_without_boxes_and_without_guidance(library: Library) -> None:
    rig = Rig(library.model("layout"))
    rig.finish(order(library.model("layout").checkpoint, guidance_scale=1))
    assert rig.ends() == {"job": "done"}


def test_boxes_beyond_those_that_the_model_reads_are_left_out_and_said(library: Library) -> None:
    rig = Rig(library.model("layout"))
    checkpoint = library.model("layout").checkpoint
    rig.finish(order(checkpoint, "six", boxes=[box("sky")] * 4 + [box("sea")] * 2))
    rig.finish(order(checkpoint, "four", boxes=[box("sky")] * 4))
    assert np.array_equal(rig.pictures("six")[0], rig.pictures("four")[0])
    assert [n.text for n in rig.notes()] == ["Too many boxes: the last 2 of the 6 were left out."]


def test_a_label_that_the_model_does_not_know_is_named(library: Library) -> None:
    rig = Rig(library.model("layout"))
    rig.finish(order(library.model("layout").checkpoint, boxes=[box("dragon")]))
    assert "knows no 'dragon'; it knows sky, sea, sand" in rig.error("job")
