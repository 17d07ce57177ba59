from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order
from webui.engine.programs.resample import enlarged
from webui.engine.work import Pixels, Predict


def made(library: Library, image: Path, **fields: Any) -> Pixels:
    rig = Rig(library.model("text"))
    rig.finish(order(library.model("text").checkpoint, files={"image": image}, **fields))
    assert rig.works(Predict) == []
    assert rig.steps("job") == []
    return rig.pictures("job")[0]


def test_nearest_repeats_each_pixel(library: Library, tmp_path: Path) -> None:
    image = save_picture(tmp_path / "a.png", 40, 24)
    fields = {"upscaler": "Nearest", "upscale_factor": 2, "width": 80, "height": 64}
    large = made(library, image, **fields)
    with Image.open(image) as small:
        expected = np.asarray(small).repeat(2, 0).repeat(2, 1)
    assert np.array_equal(large, expected)


def test_lanczos_enlarges_four_times_where_no_factor_is_said(
    library: Library, tmp_path: Path
) -> None:
    image = save_picture(tmp_path / "a.png", 40, 24)
    large = made(library, image, upscaler="Lanczos", width=160, height=96)
    with Image.open(image) as small:
        expected = np.asarray(small.resize((160, 96), Image.Resampling.LANCZOS))
    assert np.array_equal(large, expected)


def test_less_than_eight_pixels_are_cut_off() -> None:
    image = Image.fromarray(np.arange(101, dtype=np.uint8)[None].repeat(5, 0))
    large = enlarged(image.convert("RGB"), 2, (200, 8), Image.Resampling.NEAREST)
    assert large.shape == (8, 200, 3)
    assert large[0, :, 0].tolist() == [x // 2 for x in range(200)]


def test_another_shape_cuts_both_sides_alike() -> None:
    image = Image.fromarray(np.arange(100, dtype=np.uint8)[None].repeat(40, 0))
    square = enlarged(image.convert("RGB"), 2, (80, 80), Image.Resampling.NEAREST)
    assert square[0, :, 0].tolist() == [(60 + x) // 2 for x in range(80)]


def test_a_models_picture_is_cut_to_the_shape_that_is_asked_for(
    library: Library, tmp_path: Path
) -> None:
    image, model = save_picture(tmp_path / "a.png", 48, 16), library.model("upscale")
    factor = model.checkpoint.latent_factor
    wide, high = 48 * factor, 16 * factor
    wanted: dict[str, Any] = {"upscale_factor": float(factor), "height": high}
    rig = Rig(model)
    whole = order(model.checkpoint, "whole", files={"image": image}, width=wide, **wanted)
    cut = order(
        model.checkpoint, "cut", files={"image": image}, width=64, upscale_width=64, upscale_height=high, **wanted
    )  # fmt: skip
    rig.finish(whole, cut)
    left = (wide - 64) // 2
    expected = np.asarray(rig.pictures("whole")[0])[:, left : left + 64].astype(int)
    assert np.abs(np.asarray(rig.pictures("cut")[0]).astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("factor", "size"), [(2.0, (64, 64)), (4.0, (128, 128)), (8.0, (256, 256))]
)
def test_a_models_picture_is_resampled_to_the_factor(
    library: Library, tmp_path: Path, factor: float, size: tuple[int, int]
) -> None:
    image = save_picture(tmp_path / "a.png", 32, 32)
    model = library.model("upscale")
    rig = Rig(model)
    wanted: dict[str, Any] = {"upscale_factor": factor, "width": size[0], "height": size[1]}
    rig.finish(order(model.checkpoint, files={"image": image}, **wanted))
    own = model.checkpoint.latent_factor
    assert rig.pictures("job")[0].shape == (size[1], size[0], 3)
    assert rig.works(Predict)[0].x.shape[-2:] == (32, 32)
    assert own in (2, 4)
