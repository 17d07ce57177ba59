"""What is complained of in other programs' canvases: each is done here, and must end well."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import RunningStudio
from tests.browser.painting import (
    cleared,
    drop,
    give,
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
ORANGE = (240, 140, 20)


@pytest.fixture
def canvas(easel: Any) -> Iterator[Any]:
    """The canvas with an orange picture of 320 x 200 and nothing painted."""
    cleared(easel, TAB)
    drop(easel, TAB, png(Image.new("RGB", (320, 200), ORANGE)))
    until(easel, TAB, "desk.board.width === 320 && desk.ready()")
    yield easel
    assert easel.faults == easel.expected_faults


def seen(page: Any, x: float, y: float) -> tuple[int, int, int]:
    """The colour that is on the screen at a point of the board, once it was drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    at = on_desk(page, TAB, f"desk.view.toScreen({x}, {y})")
    red, green, blue = on_desk(
        page,
        TAB,
        f"Array.from(desk.view.context.getImageData({at['x']} * desk.view.ratio, {at['y']} * desk.view.ratio, 1, 1).data.subarray(0, 3))",
    )
    return red, green, blue


def test_a_stroke_over_the_edge_paints_up_to_the_last_pixel(canvas: Any) -> None:
    """Painting at edges: a pointer that leaves the picture, or comes from outside of it, goes on."""
    on_desk(canvas, TAB, "desk.choose({ size: 20 })")
    stroke(canvas, TAB, (-7, 0), (327, 0))
    stroke(canvas, TAB, (-7, 199), (327, 199))
    stroke(canvas, TAB, (319.5, -7), (319.5, 207))
    made = layer(canvas, TAB)
    assert made[0].min() == made[199].min() == made[:, 319].min() == 255
    assert made[100, :300].max() == 0


def test_a_canvas_is_not_blank_after_its_tab_was_hidden_and_the_window_sized(canvas: Any) -> None:
    stroke(canvas, TAB, (40, 40), (90, 90))
    painted = layer(canvas, TAB)
    assert seen(canvas, 300, 30) == ORANGE
    canvas.click(".ez-nav a[data-tab=gallery]")
    canvas.set_viewport_size({"width": 1100, "height": 700})
    canvas.click(".ez-nav a[data-tab=inpaint]")
    until(canvas, TAB, "desk.view.element.clientWidth < 760")
    assert seen(canvas, 300, 30) == ORANGE
    assert seen(canvas, 60, 60) != ORANGE  # the mask is in sight too
    canvas.set_viewport_size({"width": 1440, "height": 900})
    until(canvas, TAB, "desk.view.element.clientWidth > 900")
    assert seen(canvas, 300, 30) == ORANGE
    assert np.array_equal(layer(canvas, TAB), painted)


def test_a_mask_that_came_from_elsewhere_can_be_painted_on(canvas: Any) -> None:
    """Masks of segmenters, for one, are of the picture's size and of two values."""
    values = np.zeros((200, 320), np.uint8)
    values[50:150, 100:200] = 255
    give(canvas, "button[aria-label='Bring in a mask']", png(Image.fromarray(values)))
    until(canvas, TAB, "desk.board.layer.data.includes(255) && desk.ready()")
    on_desk(canvas, TAB, "desk.choose({ size: 20 })")
    stroke(canvas, TAB, (250, 100), (280, 100))
    canvas.keyboard.press("e")
    stroke(canvas, TAB, (120, 100), (180, 100))
    made = layer(canvas, TAB)
    assert (made[100, 265], made[100, 150], made[60, 150], made[100, 230]) == (255, 0, 255, 0)


def test_undo_takes_back_what_was_done_last_whatever_it_was(canvas: Any) -> None:
    """The order of undo, over strokes, a picture, a mask of a file and a frame."""
    states = [layer(canvas, TAB).tobytes()]
    values = np.zeros((200, 320), np.uint8)
    values[10:20, 10:20] = 90

    def frame() -> None:
        on_desk(
            canvas,
            TAB,
            "desk.board.become({ frame: { left: 8, top: 0, right: 0, bottom: 0 } }, 'Frame')",
        )

    def mask() -> None:
        give(canvas, "button[aria-label='Bring in a mask']", png(Image.fromarray(values)))
        until(canvas, TAB, "desk.board.layer.data.includes(90) && desk.ready()")

    def picture() -> None:
        drop(canvas, TAB, png(photograph(320, 200, 77)))
        until(canvas, TAB, "desk.ready() && desk.board.history.past.at(-1).title === 'Picture'")

    acts = [lambda: stroke(canvas, TAB, (40, 40), (90, 90)), mask, frame, lambda: stroke(canvas, TAB, (200, 40), (240, 90)), picture]  # fmt: skip
    first = on_desk(canvas, TAB, "desk.board.history.past.length")
    for act in acts:
        act()
        states.append(layer(canvas, TAB).tobytes() + str(on_desk(canvas, TAB, "[desk.board.frame.left, desk.board.pictureId]")).encode())  # fmt: skip
    titles = on_desk(canvas, TAB, f"desk.board.history.past.slice({first}).map((s) => s.title)")
    assert titles == ["Brush", "Mask", "Frame", "Brush", "Picture"]
    for expected in reversed(states[1:-1]):
        canvas.keyboard.press("Control+z")
        now = layer(canvas, TAB).tobytes() + str(on_desk(canvas, TAB, "[desk.board.frame.left, desk.board.pictureId]")).encode()  # fmt: skip
        assert now == expected
    canvas.keyboard.press("Control+z")
    assert layer(canvas, TAB).tobytes() == states[0]


def test_the_mask_stays_while_a_picture_is_drawn_and_the_tab_is_left(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    stroke(canvas, TAB, (40, 40), (90, 90))
    painted = layer(canvas, TAB)
    canvas.fill("#inpaint-prompt textarea", "the mask stays")
    canvas.click("#inpaint-generate")
    canvas.click(".ez-nav a[data-tab=txt2img]")
    canvas.wait_for_selector(".ez-said:has-text('Seed ')")
    canvas.click(".ez-nav a[data-tab=inpaint]")
    until(canvas, TAB, "desk.staged.isShown()")
    canvas.keyboard.press("Escape")
    assert np.array_equal(layer(canvas, TAB), painted)
    assert latest_request(shared_studio.address)["mask"] == slot(canvas, TAB, "mask")


def test_many_quick_strokes_neither_pile_up_nor_stop_live_drawing(
    easel: Any, shared_studio: RunningStudio
) -> None:
    """The newest counts, older work is cancelled, and the page stays connected."""
    cleared(easel, "live")
    easel.fill("#live-prompt textarea", "in a hurry")
    until(easel, "live", "desk.board.width === 128")
    easel.click("#live-canvas .ez-canvas-class[title=red]")
    for i in range(12):
        stroke(easel, "live", (10, 10 + 9 * i), (118, 10 + 9 * i))
    newest = slot(easel, "live", "image")
    assert np.asarray(stored(shared_studio.address, newest).convert("RGB")).std() > 0
    deadline = time.monotonic() + 30
    while latest_request(shared_studio.address).get("image") != newest:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    over = "import('/assets/easel/store.js').then((s) => !s.all().some((job) => s.isActive(job)))"
    easel.wait_for_function(over)
    easel.wait_for_function(
        "document.querySelectorAll('.ez-strip [title=\"in a hurry\"]').length === 1"
    )
    assert easel.is_checked("#live-switch label:has-text('Draw as I paint') input")
    assert easel.faults == []
