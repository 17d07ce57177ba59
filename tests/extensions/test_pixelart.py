"""The example upscaler enlarges in the studio's own engine, and makes no colour that was not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.extensions.loading import EXAMPLES


def test_it_doubles_a_picture_without_a_new_colour(library: Library, tmp_path: Path) -> None:
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)
    drawn = colours[np.random.default_rng(3).integers(0, 3, (32, 32))]
    Image.fromarray(drawn).save(tmp_path / "a.png")
    checkpoint = library.model("text").checkpoint
    rig = Rig(library.model("text"))
    rig.engine.extensions.use({"pixelart": str(EXAMPLES / "pixelart")})
    for job, upscaler in (("own", "pixelart/Scale2x"), ("near", "Nearest")):
        rig.finish(
            order(checkpoint, job, files={"image": tmp_path / "a.png"}, upscaler=upscaler,
                  upscale_factor=4.0, width=128, height=128)
        )  # fmt: skip
    assert rig.ends() == {"own": "done", "near": "done"}, rig.error("own")
    own, near = (rig.pictures(job)[0] for job in ("own", "near"))
    assert own.shape == near.shape == (128, 128, 3)
    assert not np.array_equal(own, near)
    assert {tuple(c) for c in own.reshape(-1, 3)} == {tuple(c) for c in colours}
