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
