"""Two ways to enlarge a picture, one over the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "small.png", 48, 32)


def test_the_second_is_as_visible_as_asked(library: Library, image: Path) -> None:
    rig, checkpoint = Rig(library.model("text")), library.model("text").checkpoint
    files = {"image": image}
    size: dict[str, Any] = {"upscale_factor": 2, "width": 96, "height": 64}
    both: dict[str, Any] = {"upscaler": "Nearest", "upscaler_2": "Lanczos", **size}
    rig.finish(
        order(checkpoint, "a", files=files, upscaler="Nearest", **size),
        order(checkpoint, "b", files=files, upscaler="Lanczos", **size),
        order(checkpoint, "quarter", files=files, upscaler_2_visibility=0.25, **both),
        order(checkpoint, "none", files=files, upscaler_2_visibility=0, **both),
    )
    a, b, quarter, none = (
        rig.pictures(job)[0].astype(float) for job in ("a", "b", "quarter", "none")
    )
    assert quarter.shape == (64, 96, 3)
    assert np.abs(quarter - (0.75 * a + 0.25 * b)).max() <= 1
    assert np.abs(a - b).max() > 8
    assert (none == a).all()


def test_a_models_picture_is_blended_too(library: Library, image: Path) -> None:
    rig, checkpoint = Rig(library.model("upscale")), library.model("upscale").checkpoint
    files = {"image": image}
    size: dict[str, Any] = {"width": 192, "height": 128}
    over: dict[str, Any] = {"upscaler_2": "Lanczos", "upscaler_2_visibility": 0.5}
    rig.finish(
        order(checkpoint, "model", files=files, **size),
        order(checkpoint, "lanczos", files=files, upscaler="Lanczos", **size),
        order(checkpoint, "both", files=files, **over, **size),
    )
    model, lanczos, both = (
        rig.pictures(job)[0].astype(float) for job in ("model", "lanczos", "both")
    )
    assert np.abs(both - (model + lanczos) / 2).max() <= 1
