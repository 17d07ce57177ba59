"""Sketch: colours are painted on the picture, which begins the drawing; the strokes are the mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.browser.conftest import RunningStudio
from tests.browser.painting import (
    Numbers,
    cleared,
    drop,
    latest_request,
    layer,
    on_desk,
    photograph,
    png,
    slot,
    stored,
    stroke,
    until,
)

pytestmark = pytest.mark.browser

TAB = "inpaint"
COLOUR = "Array.from(desk.options.colour)"


def picture(studio: RunningStudio, page: Any) -> tuple[str, Numbers]:
    """The picture of the form, once it is stored: its id and its pixels."""
    image_id = slot(page, TAB, "image")
    return image_id, np.asarray(stored(studio.address, image_id).convert("RGB"))


def test_painted_colours_begin_the_drawing_and_are_masked(
    easel: Any, shared_studio: RunningStudio
) -> None:
    cleared(easel, TAB)
    drop(easel, TAB, png(photograph(150, 110, 900)))
    until(easel, TAB, "desk.board.width === 150 && desk.ready()")
    first, old = picture(shared_studio, easel)
    easel.keyboard.press("c")
    easel.fill(".ez-canvas-colour", "#20c840")
    stroke(easel, TAB, (40, 40), (90, 40))
    second, made = picture(shared_studio, easel)
    mask = layer(easel, TAB)
    assert second != first
    differs = np.any(made != old, axis=-1)
    assert np.all(made[40, 40:90] == (32, 200, 64))
    assert np.all(mask[differs] == 255)
    rows = [np.flatnonzero(found[:, 60]) for found in (differs, mask == 255)]
    assert rows[0][0] - rows[1][0] >= 8 <= rows[1][-1] - rows[0][-1]  # masked around it too
    stroke(easel, TAB, (40, 90), (90, 90))
    easel.fill("#inpaint-prompt textarea", "sketched")
    easel.click("#inpaint-generate")
    until(easel, TAB, "!!desk.view.over && desk.staged.isShown()")
    request = latest_request(shared_studio.address)
    assert request["image"] == slot(easel, TAB, "image") not in (first, second)
    easel.keyboard.press("Escape")
    easel.keyboard.press("Control+z")
    assert picture(shared_studio, easel)[0] == second
    assert np.array_equal(layer(easel, TAB), mask)
    easel.keyboard.press("Control+z")
    assert picture(shared_studio, easel)[0] == first
    assert layer(easel, TAB).max() == 0
    easel.keyboard.press("Control+Shift+z")
    assert np.array_equal(picture(shared_studio, easel)[1], made)
    easel.keyboard.press("i")
    stroke(easel, TAB, (60.5, 100.5), (60.5, 100.5))
    assert on_desk(easel, TAB, COLOUR) == old[100, 60].tolist()
    assert on_desk(easel, TAB, "desk.options.tool") == "colour"
    easel.click(".ez-canvas-bar button[aria-label='Use the picture in img2img']")
    easel.wait_for_function(
        f"JSON.parse(localStorage.getItem('easel.form.img2img') ?? '{{}}').image === '{second}'"
    )
    assert easel.faults == []
