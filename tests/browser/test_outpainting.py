"""Outpainting: the frame is dragged or typed, and what is drawn in it becomes the picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

from tests.browser.conftest import RunningStudio
from tests.browser.painting import (
    cleared,
    drop,
    latest_request,
    layer,
    on_desk,
    open_canvas,
    photograph,
    png,
    slot,
    stored,
    stroke,
    until,
)

pytestmark = pytest.mark.browser

TAB = "inpaint"
SEEDS = count(500)
SHOWN = "!!desk.view.over && desk.staged.isShown()"
ZEROS = {"left": 0, "top": 0, "right": 0, "bottom": 0}


@pytest.fixture
def canvas(easel: Any) -> Iterator[Any]:
    """The tab with a picture of 120 x 100, and the frame in hand; no other test has the same."""
    cleared(easel, TAB)
    drop(easel, TAB, png(photograph(120, 100, next(SEEDS))))
    until(easel, TAB, "desk.board.width === 120 && desk.ready()")
    easel.click(".ez-canvas-bar button[aria-label^='Draw the picture on']")
    yield easel
    cleared(easel, TAB)


def frame(page: Any) -> dict[str, int]:
    found: dict[str, int] = on_desk(page, TAB, "desk.board.frame")
    return found


def test_a_frame_is_dragged_drawn_accepted_and_undone(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    before = slot(canvas, TAB, "image")
    stroke(canvas, TAB, (120, 50), (163, 50))
    assert frame(canvas) == {**ZEROS, "right": 40}
    stroke(canvas, TAB, (0, 0), (-17, -8))  # a corner holds two sides
    assert frame(canvas) == {"left": 16, "top": 8, "right": 40, "bottom": 0}
    assert canvas.inner_text(".ez-canvas-numbers output") == "176 × 112"
    canvas.keyboard.press("b")
    stroke(canvas, TAB, (60, 50), (70, 50))
    mask = layer(canvas, TAB)
    canvas.fill("#inpaint-prompt textarea", "drawn on")
    canvas.click("#inpaint-generate")
    until(canvas, TAB, SHOWN)
    request = latest_request(shared_studio.address)
    sides = [request[f"outpaint_{side}"] for side in ("left", "top", "right", "bottom")]
    assert (sides, request["width"], request["height"]) == ([16, 8, 40, 0], 176, 112)
    canvas.click(".ez-nav a[data-tab=upscale]")  # where pictures have their before laid over them
    assert canvas.locator(".ez-stage img:visible").count()
    assert canvas.locator(".ez-compare:visible").count() == 0
    open_canvas(canvas, TAB)
    canvas.click(".ez-canvas-candidates button:has-text('Accept')")
    until(canvas, TAB, "desk.board.width === 176 && desk.board.height === 112")
    assert frame(canvas) == ZEROS
    made, old = (
        np.asarray(stored(shared_studio.address, i))[..., :3]
        for i in (slot(canvas, TAB, "image"), before)
    )
    assert np.array_equal(made[8:108, 16:136], old)
    assert np.array_equal(layer(canvas, TAB)[8:108, 16:136], mask)
    assert layer(canvas, TAB).sum() == mask.sum(dtype=np.int64)
    canvas.keyboard.press("Control+z")
    until(canvas, TAB, f"desk.board.pictureId === '{before}'")
    assert frame(canvas) == {"left": 16, "top": 8, "right": 40, "bottom": 0}
    assert np.array_equal(layer(canvas, TAB), mask)


def test_a_frame_is_typed_moved_by_keys_and_kept_until_another_picture_comes(canvas: Any) -> None:
    canvas.fill(".ez-canvas-numbers input[aria-label='Pixels beyond the top']", "30")
    canvas.press(".ez-canvas-numbers input[aria-label='Pixels beyond the top']", "Tab")
    assert frame(canvas) == {**ZEROS, "top": 32}
    handle = canvas.locator(".ez-canvas-grip[aria-label^='Left']")
    handle.focus()
    handle.press("ArrowLeft")
    handle.press("Shift+ArrowLeft")
    handle.press("ArrowRight")
    assert frame(canvas) == {**ZEROS, "top": 32, "left": 64}
    assert (slot(canvas, TAB, "outpaint_top"), slot(canvas, TAB, "outpaint_left")) == (32, 64)
    canvas.wait_for_function(
        "JSON.parse(localStorage.getItem('easel.form.inpaint')).outpaint_left === 64"
    )
    canvas.reload()
    open_canvas(canvas, TAB)
    until(
        canvas,
        TAB,
        "desk.board.picture && desk.board.frame.left === 64 && desk.board.frame.top === 32",
    )
    drop(canvas, TAB, png(photograph(90, 70, next(SEEDS))))
    until(canvas, TAB, "desk.board.width === 90")
    assert frame(canvas) == ZEROS
    assert slot(canvas, TAB, "outpaint_left") == 0
