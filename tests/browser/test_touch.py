"""Fingers and pens: what they paint is compared with what the server holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.browser.conftest import RunningStudio, visit
from tests.browser.painting import (
    cleared,
    drop,
    give,
    layer,
    on_desk,
    open_canvas,
    photograph,
    place,
    png,
    slot,
    stored,
    until,
    until_request,
)
from webui.contracts.palette import PAINTS

pytestmark = pytest.mark.browser

TAB = "inpaint"


@pytest.fixture(scope="module")
def small(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """A small touch screen."""
    viewport = {"width": 390, "height": 844}
    context = browser.new_context(viewport=viewport, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.faults = []
    tab.on("pageerror", lambda error: tab.faults.append(str(error)))
    visit(tab, shared_studio.address)
    open_canvas(tab, TAB)
    give(tab, ".ez-canvas-invitation", png(photograph(96, 64)))
    until(tab, TAB, "desk.board.width === 96 && desk.ready()")
    yield tab
    context.close()


@pytest.fixture
def phone(small: Any) -> Iterator[Any]:
    """It, with a picture of 320 x 200 on the canvas."""
    cleared(small, TAB)
    drop(small, TAB, png(photograph(320, 200)))
    until(small, TAB, "desk.board.width === 320 && desk.ready()")
    yield small
    assert small.faults == []


def touch(page: Any, *frames: list[tuple[float, float]]) -> None:
    """Fingers that go down at the first places, move to the others, and come up."""
    session = page.context.new_cdp_session(page)
    for i, frame in enumerate(frames):
        points = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(frame)]
        kind = "touchMove" if i else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def swipe(page: Any, tab: str, *points: tuple[float, float]) -> None:
    """One finger through points of the board."""
    touch(page, *[[place(page, tab, *point)] for point in points])


def pen(page: Any, *points: tuple[float, float, float]) -> None:
    """A pen through points of the board, each with its pressure."""
    session = page.context.new_cdp_session(page)
    kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 2), "mouseReleased"]
    for kind, (x, y, force) in zip(kinds, points, strict=True):
        left, top = place(page, TAB, x, y)
        session.send(
            "Input.dispatchMouseEvent",
            {"type": kind, "x": left, "y": top, "force": force, "pointerType": "pen", "button": "left", "buttons": 1, "clickCount": 1},
        )  # fmt: skip


def test_a_finger_paints_and_two_move_the_view(phone: Any, shared_studio: RunningStudio) -> None:
    on_desk(phone, TAB, "desk.choose({ size: 30 })")
    swipe(phone, TAB, (60, 60), (120, 90), (200, 120))
    painted = layer(phone, TAB)
    assert painted[60, 60] == painted[120, 200] == 255
    assert np.array_equal(
        np.asarray(stored(shared_studio.address, slot(phone, TAB, "mask"))), painted
    )
    scale = on_desk(phone, TAB, "desk.view.scale")
    a, b = place(phone, TAB, 140, 100), place(phone, TAB, 180, 100)
    touch(
        phone,
        [a, b],
        [(a[0] - 20, a[1]), (b[0] + 20, b[1])],
        [(a[0] - 40, a[1]), (b[0] + 40, b[1])],
    )
    assert on_desk(phone, TAB, "desk.view.scale") > scale * 1.5
    assert np.array_equal(layer(phone, TAB), painted)
    undo = phone.locator("#inpaint-canvas button[aria-label^=Undo]").bounding_box()
    assert undo["x"] + undo["width"] <= 390  # without moving the bar
    phone.wait_for_timeout(
        500
    )  # a tap that comes while two fingers still swing out ends that alone
    phone.touchscreen.tap(undo["x"] + undo["width"] / 2, undo["y"] + undo["height"] / 2)
    until(phone, TAB, "!desk.board.layer.data.some(Boolean)")


def test_a_finger_drags_the_frame(phone: Any) -> None:
    phone.click(".ez-canvas-bar button[aria-label^='Draw the picture on']")
    swipe(phone, TAB, (320, 100), (350, 100), (384, 100))
    assert on_desk(phone, TAB, "desk.board.frame.right") == 64
    assert slot(phone, TAB, "outpaint_right") == 64


def test_a_finger_paints_classes(small: Any, shared_studio: RunningStudio) -> None:
    cleared(small, "semantic")
    until(small, "semantic", "desk.board.width === 128")
    small.tap(".ez-canvas-class[title=water]")
    swipe(small, "semantic", (20, 100), (60, 100), (110, 100))
    painted = layer(small, "semantic")
    assert (painted[100, 60], painted[5, 5]) == (2, 0)
    kept = stored(shared_studio.address, slot(small, "semantic", "class_map"))
    assert np.array_equal(np.asarray(kept), painted)


def test_a_fingers_stroke_is_drawn_live(small: Any, shared_studio: RunningStudio) -> None:
    cleared(small, "live")
    small.fill("#live-prompt textarea", "with a finger")
    until(small, "live", "desk.board.width === 128")
    small.tap("#live-canvas .ez-canvas-class[title=red]")
    swipe(small, "live", (20, 20), (60, 20), (100, 20))
    wanted = np.array(list(PAINTS.values()), np.uint8)[layer(small, "live")]
    image = slot(small, "live", "image")
    until_request(shared_studio.address, prompt="with a finger", priority="Live", image=image)
    assert np.array_equal(np.asarray(stored(shared_studio.address, image).convert("RGB")), wanted)


def test_a_pen_is_as_wide_as_it_is_pressed(easel: Any, shared_studio: RunningStudio) -> None:
    cleared(easel, TAB)
    drop(easel, TAB, png(photograph(320, 200)))
    until(easel, TAB, "desk.board.width === 320 && desk.ready()")
    on_desk(easel, TAB, "desk.choose({ size: 40 })")
    pen(easel, (40, 100, 0.25), (100, 100, 0.25), (100, 100, 0.25))
    pen(easel, (200, 100, 1.0), (280, 100, 1.0), (280, 100, 1.0))
    painted = layer(easel, TAB)
    wide = [int((painted[:, x] == 255).sum()) for x in (70, 240)]
    assert wide == pytest.approx([10, 40], abs=2)
    assert np.array_equal(
        np.asarray(stored(shared_studio.address, slot(easel, TAB, "mask"))), painted
    )


def test_the_other_end_of_a_pen_erases(easel: Any) -> None:
    cleared(easel, TAB)
    drop(easel, TAB, png(photograph(320, 200)))
    until(easel, TAB, "desk.board.width === 320 && desk.ready()")
    easel.click("#inpaint-canvas button[aria-label='Invert the mask']")
    x, y = place(easel, TAB, 100, 100)
    # Playwright has no such button.
    on_desk(
        easel,
        TAB,
        f"['pointerdown', 'pointerup'].forEach((type) => desk.surface.dispatchEvent(new PointerEvent(type,"
        f" {{ clientX: {x}, clientY: {y}, button: 5, buttons: 32, pressure: 1, pointerId: 9, pointerType: 'pen', bubbles: true }})))",
    )
    painted = layer(easel, TAB)
    assert painted[100, 100] == 0
    assert painted[10, 10] == 255
