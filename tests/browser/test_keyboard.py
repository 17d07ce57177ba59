"""Painting by keyboard alone: tools, sizes, a cursor that arrows move, classes, undo; and what is said of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import RunningStudio
from tests.browser.painting import (
    cleared,
    drop,
    layer,
    on_desk,
    photograph,
    png,
    slot,
    stored,
    until,
)

pytestmark = pytest.mark.browser

REACHED = "document.activeElement.getAttribute('aria-label') ?? ''"


@pytest.fixture
def mask(easel: Any) -> Iterator[Any]:
    """The inpaint canvas with a picture, its surface reached by Tab."""
    cleared(easel, "inpaint")
    drop(easel, "inpaint", png(photograph(320, 200)))
    until(easel, "inpaint", "desk.board.width === 320 && desk.ready()")
    on_desk(easel, "inpaint", "desk.cursor.leave()")
    tab_until(easel, "inpaint", "Mask: paint")
    yield easel
    assert easel.faults == easel.expected_faults


@pytest.fixture
def classes(easel: Any) -> Iterator[Any]:
    """The semantic canvas with nothing but sky, the first of its tools in focus."""
    cleared(easel, "semantic")
    until(easel, "semantic", "desk.board.width === 128")
    on_desk(easel, "semantic", "desk.cursor.leave()")
    easel.focus("#semantic-canvas button[aria-label^='Brush']")
    yield easel
    assert easel.faults == easel.expected_faults


def tab_until(page: Any, tab: str, label: str) -> None:
    """Press Tab from the first tool on until what begins with a label has the focus."""
    page.focus(f"#{tab}-canvas button[aria-label^='Brush']")
    for _ in range(60):
        if page.evaluate(REACHED).startswith(label):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {label!r}.")


def cursor(page: Any, tab: str) -> tuple[float, float]:
    at = on_desk(page, tab, "desk.cursor.at")
    return at["x"], at["y"]


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def said(page: Any, tab: str, text: str) -> None:
    """Wait until a screen reader is told it."""
    page.wait_for_function(
        "([tab, text]) => document.querySelector(`#${tab}-canvas .ez-canvas-said`).textContent.includes(text)",
        arg=[tab, text],
    )


def test_a_stroke_of_the_brush_reaches_the_server_to_the_bit(
    mask: Any, shared_studio: RunningStudio
) -> None:
    press(mask, *["["] * 4, "ArrowRight")
    size = on_desk(mask, "inpaint", "desk.options.size")
    assert 10 < size < 48
    begin = cursor(mask, "inpaint")
    assert begin == pytest.approx((160, 100), abs=2)  # in the middle of what is seen
    press(mask, "Enter", *["ArrowRight"] * 20, *["ArrowDown"] * 10, "Enter", *["ArrowDown"] * 5)
    painted = layer(mask, "inpaint")
    kept = np.asarray(stored(shared_studio.address, slot(mask, "inpaint", "mask")))
    assert np.array_equal(kept, painted)
    rows, columns = np.nonzero(painted)
    (left, top), (right, below) = begin, cursor(mask, "inpaint")
    assert columns.min() == pytest.approx(left - size / 2, abs=1.5)
    assert columns.max() == pytest.approx(right + size / 2, abs=1.5)
    assert rows.min() == pytest.approx(top - size / 2, abs=1.5)
    assert rows.max() < below + size / 2 - 3  # lifted before the last steps
    assert painted[int(top), int((left + right) / 2)] == 255
    assert on_desk(mask, "inpaint", "desk.board.history.past.length") == 2  # picture and stroke


def test_a_rectangle_is_filled_from_pixel_to_pixel_and_undone(mask: Any) -> None:
    press(mask, "ArrowLeft", *["ArrowLeft"] * 6, "r", "Enter")
    first = cursor(mask, "inpaint")
    press(mask, *["ArrowRight"] * 12, *["ArrowDown"] * 8, "Enter")
    second = cursor(mask, "inpaint")
    expected = np.zeros((200, 320), np.uint8)
    expected[int(first[1]) : int(second[1]) + 1, int(first[0]) : int(second[0]) + 1] = 255
    assert np.array_equal(layer(mask, "inpaint"), expected)
    assert int(second[0]) - int(first[0]) >= 12
    press(mask, "Control+z")
    said(mask, "inpaint", "Undone: Rectangle")
    assert layer(mask, "inpaint").max() == 0
    press(mask, "Control+Shift+z")
    said(mask, "inpaint", "Redone: Rectangle")
    assert np.array_equal(layer(mask, "inpaint"), expected)


def test_space_holds_the_tool_down_and_escape_takes_back_what_it_began(mask: Any) -> None:
    press(mask, "ArrowUp")
    mask.keyboard.down(" ")
    press(mask, "ArrowRight", "ArrowRight")
    mask.keyboard.up(" ")
    painted = layer(mask, "inpaint")
    assert painted.any()
    press(mask, *["ArrowRight"] * 3)
    assert np.array_equal(layer(mask, "inpaint"), painted)  # it was lifted
    press(mask, "e", "Enter", "ArrowLeft", "ArrowLeft", "Escape", "ArrowLeft")
    assert np.array_equal(layer(mask, "inpaint"), painted)
    said(mask, "inpaint", "masked")


def test_an_arrow_moves_at_least_a_pixel_and_the_view_follows(mask: Any) -> None:
    press(mask, *["+"] * 14, "ArrowRight")
    before = cursor(mask, "inpaint")
    press(mask, "ArrowRight")
    assert cursor(mask, "inpaint") == (before[0] + 1, before[1])
    mask.keyboard.down("ArrowRight")
    for _ in range(400):
        mask.keyboard.down("ArrowRight")  # as a key does that is held
    mask.keyboard.up("ArrowRight")
    assert cursor(mask, "inpaint")[0] == 319.5
    x, width = on_desk(
        mask,
        "inpaint",
        "[desk.view.toScreen(desk.cursor.at.x, desk.cursor.at.y).x, desk.surface.clientWidth]",
    )
    assert 0 < x < width
    box = mask.locator("#inpaint-canvas .ez-canvas-cursor").bounding_box()
    surface = mask.locator("#inpaint-canvas .ez-canvas-surface").bounding_box()
    middle = box["x"] + box["width"] / 2 - surface["x"]
    assert middle == pytest.approx(x, abs=1)
    press(mask, "Shift+ArrowLeft")
    after = on_desk(mask, "inpaint", "desk.view.toScreen(desk.cursor.at.x, desk.cursor.at.y).x")
    assert after == pytest.approx(x + 40, abs=0.1)
    press(mask, "0")


def test_where_the_focus_is_is_seen(mask: Any) -> None:
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    corner = mask.locator("#inpaint-canvas .ez-canvas-surface").bounding_box()
    clip = {"x": corner["x"], "y": corner["y"], "width": 8, "height": 8}
    accent = mask.evaluate(
        "getComputedStyle(document.querySelector('#inpaint-generate')).backgroundColor"
    )
    with Image.open(io.BytesIO(mask.screenshot(clip=clip))) as shot:
        red, green, blue = np.asarray(shot.convert("RGB"))[1, 1]
    assert f"rgb({red}, {green}, {blue})" == accent
    press(mask, "ArrowRight")
    assert mask.is_visible("#inpaint-canvas .ez-canvas-cursor")
    press(mask, "Shift+Tab")
    assert mask.evaluate(outline) == "solid"
    assert not mask.is_visible("#inpaint-canvas .ez-canvas-cursor")


def test_a_class_is_chosen_painted_picked_and_named(
    classes: Any, shared_studio: RunningStudio
) -> None:
    stops = 0
    while not classes.evaluate(REACHED).startswith("Paint what"):
        classes.keyboard.press("Tab")
        stops += classes.evaluate("document.activeElement.matches('.ez-canvas-class')")
    assert stops == 1  # of four classes
    press(classes, "Shift+Tab", "ArrowRight", "ArrowRight")
    assert classes.evaluate("document.activeElement.title") == "water"
    said(classes, "semantic", "water")
    press(classes, "Tab", "ArrowRight", "r", "Enter", *["ArrowRight"] * 5, "ArrowDown", "Enter")
    press(classes, ".", "Enter", *["ArrowRight"] * 5, "ArrowUp", "Enter")
    painted = layer(classes, "semantic")
    assert set(np.unique(painted)) == {0, 2, 3}
    kept = stored(shared_studio.address, slot(classes, "semantic", "class_map"))
    assert np.array_equal(np.asarray(kept), painted)
    press(classes, ",", ",", ",")
    assert on_desk(classes, "semantic", "desk.options.value") == 0
    press(classes, "i", "Enter")  # the house is under the cursor
    assert on_desk(classes, "semantic", "desk.options.value") == 3
    said(classes, "semantic", "house")


def test_tab_goes_from_menu_to_menu_and_leaves_none_open(easel: Any) -> None:
    easel.click(".ez-nav a[data-tab=txt2img]")
    easel.focus("#txt2img-sampler input")
    easel.wait_for_selector("ul[role=listbox]")
    easel.keyboard.press("Tab")
    assert easel.evaluate("!!document.activeElement.closest('#txt2img-schedule')")
    easel.keyboard.press("Tab")
    easel.wait_for_selector("ul[role=listbox]", state="detached")


def test_without_a_picture_it_is_said_what_is_missing(easel: Any) -> None:
    cleared(easel, "inpaint")
    on_desk(easel, "inpaint", "desk.cursor.leave()")
    tab_until(easel, "inpaint", "Mask: paint")
    press(easel, "ArrowRight", "Enter")
    said(easel, "inpaint", "There is no picture yet.")
    assert layer(easel, "inpaint").max() == 0


def test_a_pointer_takes_over_and_finishes_what_the_keys_began(mask: Any) -> None:
    press(mask, "ArrowRight", "Enter", "ArrowRight")
    mask.mouse.click(*_corner(mask))
    assert on_desk(mask, "inpaint", "desk.cursor.at") is None
    titles = on_desk(mask, "inpaint", "desk.board.history.past.map((one) => one.title)")
    assert titles == ["Picture", "Brush", "Brush"]


def _corner(page: Any) -> tuple[float, float]:
    at = on_desk(page, "inpaint", "desk.view.toScreen(10, 10)")
    box = page.locator("#inpaint-canvas .ez-canvas-surface").bounding_box()
    return box["x"] + at["x"], box["y"] + at["y"]


def test_the_sheet_is_opened_read_and_closed_and_gives_the_focus_back(mask: Any) -> None:
    press(mask, "?")
    mask.wait_for_selector(".ez-canvas-sheet")
    text = mask.inner_text(".ez-canvas-sheet")
    assert "Put the tool down at the cursor" in text
    press(mask, "Escape")
    mask.wait_for_selector(".ez-canvas-sheet", state="detached")
    assert mask.evaluate(REACHED).startswith("Mask: paint")
