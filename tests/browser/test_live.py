"""The live tab: a picture for each stroke, and only the newest is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.browser.conftest import RunningStudio
from tests.browser.painting import (
    RESET,
    Numbers,
    cleared,
    latest_request,
    layer,
    on_desk,
    open_canvas,
    slot,
    stored,
    stroke,
    until,
    until_request,
)
from webui.contracts.palette import PAINTS

pytestmark = pytest.mark.browser

TAB = "live"
KEPT = """document.querySelectorAll('.ez-strip [title="as it is painted"]').length === 1"""


@pytest.fixture
def canvas(easel: Any) -> Iterator[Any]:
    cleared(easel, TAB)
    easel.fill("#live-prompt textarea", "as it is painted")
    until(easel, TAB, "desk.board.width === 128")
    yield easel
    assert easel.faults == easel.expected_faults


def test_each_stroke_is_drawn_and_the_newest_result_kept(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    canvas.click("#live-canvas .ez-canvas-class[title=red]")
    stroke(canvas, TAB, (20, 20), (100, 20))
    canvas.wait_for_function(
        "/ s$/.test(document.querySelector('#live-switch .ez-live span').textContent)"
    )
    first = until_request(shared_studio.address, prompt="as it is painted")
    canvas.click("#live-canvas .ez-canvas-class[title=night]")
    stroke(canvas, TAB, (20, 90), (100, 90))
    painted = layer(canvas, TAB)
    colours = np.array(list(PAINTS.values()), np.uint8)
    wanted = colours[painted]
    request = _until_painted(shared_studio.address, wanted)
    assert request["image"] != first["image"]
    assert (first["seed"], request["seed"], request["count"]) == (1, 1, 1)
    assert request["priority"] == "Live"
    canvas.wait_for_function(KEPT)


def _until_painted(address: str, wanted: Numbers) -> dict[str, Any]:
    """The newest request whose image is of these colours; that of half a stroke may come before."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        request = latest_request(address)
        if np.array_equal(np.asarray(stored(address, request["image"]).convert("RGB")), wanted):
            return request
        time.sleep(0.05)
    raise TimeoutError("No job has what was painted.")


@pytest.fixture
def mapped(canvas: Any) -> Iterator[Any]:
    """The same, painting a map of classes."""
    choose(canvas, "Map")
    on_desk(canvas, TAB, RESET)
    yield canvas
    on_desk(canvas, TAB, RESET)
    choose(canvas, "Colours")


def choose(page: Any, what: str) -> None:
    """Say what is painted."""
    page.click(f"#live-canvas .ez-canvas-sources button:has-text('{what}')")
    noun = {"Map": "class", "Colours": "colour"}[what]
    until(page, TAB, f"desk.noun === '{noun}' && !desk.sources.switching")


def test_a_map_of_classes_is_drawn_as_it_is_painted(
    mapped: Any, shared_studio: RunningStudio
) -> None:
    mapped.click("#live-canvas .ez-canvas-class[title=water]")
    stroke(mapped, TAB, (20, 20), (100, 20))
    water = on_desk(mapped, TAB, "desk.classes.indexOf('water')")
    painted = layer(mapped, TAB)
    assert painted[20, 60] == water
    deadline = time.monotonic() + 30  # that of half a stroke, or of none yet, may come before
    wanted = {"prompt": "as it is painted", "map_driver": "Region prompts"}
    request = until_request(shared_studio.address, **wanted)
    while {region["name"] for region in request["regions"]} != {"sky", "water"}:
        assert time.monotonic() < deadline, request["regions"]
        time.sleep(0.05)
        request = until_request(shared_studio.address, **wanted)
    assert (request["image"], request["priority"], request["count"]) == (None, "Live", 1)
    while not np.array_equal(_map_of(shared_studio.address), painted):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    mapped.wait_for_function(KEPT)


def _map_of(address: str) -> Numbers:
    return np.asarray(stored(address, latest_request(address)["class_map"]))


def test_colours_and_map_wait_for_one_another(mapped: Any) -> None:
    canvas = mapped
    choose(canvas, "Colours")
    canvas.click("#live-canvas .ez-canvas-class[title=red]")
    stroke(canvas, TAB, (20, 20), (100, 20))
    colours, strength = layer(canvas, TAB), canvas.locator("#live-denoising_strength")
    assert strength.is_visible()
    choose(canvas, "Map")
    assert not layer(canvas, TAB).any()
    assert not strength.is_visible()
    canvas.click("#live-canvas .ez-canvas-class[title=water]")
    stroke(canvas, TAB, (20, 90), (100, 90))
    classes = layer(canvas, TAB)
    assert slot(canvas, TAB, "image") is None
    assert slot(canvas, TAB, "class_map") is not None
    canvas.keyboard.press("Control+z")
    assert not layer(canvas, TAB).any()
    canvas.keyboard.press("Control+Shift+z")
    choose(canvas, "Colours")
    assert np.array_equal(layer(canvas, TAB), colours)
    assert slot(canvas, TAB, "class_map") is None
    assert slot(canvas, TAB, "image") is not None
    choose(canvas, "Map")
    assert np.array_equal(layer(canvas, TAB), classes)


def test_a_map_is_there_again_after_a_reload(page: Any) -> None:
    open_canvas(page, TAB)
    choose(page, "Map")
    page.click("#live-canvas .ez-canvas-class[title=water]")
    stroke(page, TAB, (20, 20), (100, 20))
    painted, kept = layer(page, TAB), slot(page, TAB, "class_map")
    page.wait_for_function(f"localStorage.getItem('easel.form.live').includes('{kept}')")
    page.reload()
    open_canvas(page, TAB)
    until(page, TAB, "desk.noun === 'class' && desk.board.layer.data.some(Boolean)")
    assert np.array_equal(layer(page, TAB), painted)
    assert (slot(page, TAB, "class_map"), slot(page, TAB, "image")) == (kept, None)


def is_order(request: Any) -> bool:
    return bool(request.method == "POST" and request.url.endswith("/api/v1/jobs"))


def orders_of(page: Any, act: Callable[[], object]) -> int:
    """How many jobs the page orders by the time that what was done is stored, and two frames later."""
    orders: list[str] = []

    def note(request: Any) -> None:
        if is_order(request):
            orders.append(request.url)

    page.on("request", note)
    act()
    slot(page, TAB, "image")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.remove_listener("request", note)
    return len(orders)


def test_opening_the_tab_draws_nothing(canvas: Any) -> None:
    def visit() -> None:
        canvas.click(".ez-nav a[data-tab=txt2img]")
        canvas.click(".ez-nav a[data-tab=live]")
        on_desk(canvas, TAB, "desk.board.become({ boxes: [] })")

    assert orders_of(canvas, visit) == 0


def test_nothing_is_drawn_while_it_is_off(canvas: Any) -> None:
    switch = "#live-switch label:has-text('Draw as I paint')"
    canvas.click(switch)
    canvas.click("#live-canvas .ez-canvas-class[title=leaf]")
    assert orders_of(canvas, lambda: stroke(canvas, TAB, (50, 50), (60, 60))) == 0
    canvas.click(switch)
    with canvas.expect_request(is_order):
        stroke(canvas, TAB, (50, 80), (60, 80))


def test_a_model_that_was_taught_maps_is_drawn_by_its_map_alone(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    canvas.click("#live-model input")
    canvas.click("ul[role=listbox] li:has-text('Fake maps')")
    until(
        canvas, TAB, "desk.noun === 'class' && !desk.sources.switching && desk.classes.length === 4"
    )
    assert canvas.is_disabled("#live-canvas .ez-canvas-sources button:has-text('Colours')")
    canvas.wait_for_selector("#live-denoising_strength", state="hidden")
    canvas.wait_for_selector("#live-driver:has-text('Native')")
    on_desk(canvas, TAB, RESET)
    canvas.click("#live-canvas .ez-canvas-class[title=water]")
    stroke(canvas, TAB, (20, 20), (100, 20))
    request = until_request(shared_studio.address, model="fake/map", priority="Live")
    assert (request["image"], request["regions"], request["map_driver"]) == (None, [], "Automatic")
    assert request["class_map"]
    on_desk(canvas, TAB, RESET)
    canvas.click("#live-model input")
    canvas.click("ul[role=listbox] li:has-text('Fake gradients')")
    until(canvas, TAB, "!desk.sources.allowed && desk.mixed")
    choose(canvas, "Colours")
