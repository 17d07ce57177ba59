"""The semantic tab: a map of classes painted, brought in and out, and boxes for a layout model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import RunningStudio, holding
from tests.browser.painting import (
    cleared,
    drop,
    give,
    layer,
    on_desk,
    photograph,
    place,
    png,
    slot,
    stored,
    stroke,
    until,
    until_request,
)
from webui.contracts.fakes import FAKE_CLASSES
from webui.contracts.palette import colours_of

pytestmark = pytest.mark.browser

TAB = "semantic"
COLOURS = colours_of(FAKE_CLASSES)


@pytest.fixture
def canvas(easel: Any) -> Iterator[Any]:
    """The tab with a map of nothing but sky, at the model's own size."""
    cleared(easel, TAB)
    until(easel, TAB, "desk.board.width === 128")
    yield easel
    assert easel.faults == easel.expected_faults


def test_painted_classes_reach_the_server_as_their_numbers(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    canvas.click("#semantic-canvas .ez-canvas-class[title=water]")
    stroke(canvas, TAB, (20, 100), (110, 100))
    canvas.click("#semantic-canvas .ez-canvas-class[title=house]")
    canvas.keyboard.press("r")
    stroke(canvas, TAB, (40, 40), (60, 70))
    painted = layer(canvas, TAB)
    assert (painted[100, 60], painted[50, 50], painted[5, 5]) == (2, 3, 0)
    assert set(np.unique(painted)) == {0, 2, 3}
    canvas.fill("#semantic-prompt textarea", "a house by the water")
    canvas.click("#semantic-generate")
    request = until_request(shared_studio.address, prompt="a house by the water")
    assert (request["model"], request["width"], request["height"]) == ("fake/map", 128, 128)
    kept = stored(shared_studio.address, request["class_map"])
    assert kept.mode == "P"
    assert np.array_equal(np.asarray(kept), painted)
    assert np.array_equal(np.asarray(kept.convert("RGB"))[50, 50], COLOURS[3])


def test_nothing_is_painted_under_a_map_that_still_comes_back(canvas: Any) -> None:
    canvas.click("#semantic-canvas .ez-canvas-class[title=water]")
    stroke(canvas, TAB, (20, 100), (110, 100))
    painted = layer(canvas, TAB)
    kept = slot(canvas, TAB, "class_map")
    canvas.wait_for_function(f"localStorage['easel.form.semantic'].includes('{kept}')")
    with holding(canvas, "**/api/v1/images/*"):
        canvas.reload()
        canvas.wait_for_selector("#semantic-canvas .ez-canvas-class[title=house]")
        until(canvas, TAB, "desk.keeping.restoring")
        canvas.click("#semantic-canvas .ez-canvas-class[title=house]")
        stroke(canvas, TAB, (40, 40), (60, 70))
        assert layer(canvas, TAB).max() == 0
    until(canvas, TAB, "desk.board.layer.data.includes(2) && desk.ready()")
    assert np.array_equal(layer(canvas, TAB), painted)
    stroke(canvas, TAB, (40, 40), (60, 70))
    assert 3 in layer(canvas, TAB)


def test_a_pictures_map_comes_back_with_its_parameters(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    canvas.click("#semantic-canvas .ez-canvas-class[title=house]")
    stroke(canvas, TAB, (20, 60), (100, 60))
    painted = layer(canvas, TAB)
    canvas.fill("#semantic-prompt textarea", "a map to be restored")
    canvas.click("#semantic-generate")
    until_request(shared_studio.address, prompt="a map to be restored")
    canvas.wait_for_function(
        "document.querySelector('.ez-picture')?.alt === 'a map to be restored' && document.querySelector('.ez-said').textContent.startsWith('Seed')"
    )
    cleared(canvas, TAB)
    slot(canvas, TAB, "class_map")  # the empty map is stored
    canvas.click(".ez-nav a[data-tab=txt2img]")
    canvas.click(".ez-actions button[title='Restore parameters']")
    until(canvas, TAB, "desk.board.layer.data.includes(3)")
    assert canvas.url.endswith("?tab=semantic")
    assert np.array_equal(layer(canvas, TAB), painted)


def test_the_class_under_the_pointer_is_named_and_can_be_picked(canvas: Any) -> None:
    canvas.click("#semantic-canvas .ez-canvas-class[title=meadow]")
    canvas.click("#semantic-canvas button[aria-label=Clear]")
    canvas.mouse.move(*place(canvas, TAB, 30, 30))
    canvas.wait_for_function("document.querySelector('.ez-canvas-under').textContent === 'meadow'")
    canvas.click("#semantic-canvas .ez-canvas-class[title=sky]")
    canvas.keyboard.press("i")
    canvas.mouse.click(*place(canvas, TAB, 30, 30))
    canvas.wait_for_selector("#semantic-canvas .ez-canvas-class[title=meadow][aria-checked=true]")


def test_the_map_takes_the_size_of_the_picture_that_is_asked_for(canvas: Any) -> None:
    canvas.click("#semantic-canvas .ez-canvas-class[title=house]")
    canvas.keyboard.press("r")
    stroke(canvas, TAB, (0, 0), (64, 128))
    canvas.fill("#semantic-width input", "192")
    canvas.press("#semantic-width input", "Tab")
    until(canvas, TAB, "desk.board.width === 192")
    made = layer(canvas, TAB)
    assert made.shape == (128, 192)
    assert made[64, 90] == 3
    assert made[64, 100] == 0
    canvas.fill("#semantic-width input", "")
    canvas.press("#semantic-width input", "Tab")
    until(canvas, TAB, "desk.board.width === 128")


def test_colours_of_no_class_go_to_the_nearest_and_are_counted(canvas: Any) -> None:
    colours = np.array([COLOURS[(x // 16) % 4] for x in range(128)], np.uint8)
    picture = np.broadcast_to(colours, (128, 128, 3)).copy()
    picture[:10, :, 0] ^= 3
    drop(canvas, TAB, png(Image.fromarray(picture)))
    canvas.wait_for_selector(".ez-toast")
    assert canvas.inner_text(".ez-toast").startswith(
        "1,280 of 16,384 pixels had colours of no class"
    )
    expected = np.broadcast_to([(x // 16) % 4 for x in range(128)], (128, 128))
    assert np.array_equal(layer(canvas, TAB), expected)


def test_a_photograph_becomes_a_map_of_its_own_size(canvas: Any) -> None:
    drop(canvas, TAB, png(photograph(200, 96)))
    until(canvas, TAB, "desk.board.width === 200")
    assert set(np.unique(layer(canvas, TAB))) <= {0, 1, 2, 3}
    canvas.wait_for_function("document.querySelector('#semantic-width input').value === '200'")
    for side in ("width", "height"):
        canvas.fill(f"#semantic-{side} input", "")
        canvas.press(f"#semantic-{side} input", "Tab")
    until(canvas, TAB, "desk.board.width === 128 && desk.board.height === 128")


def test_a_photograph_is_read_by_a_segmenter_where_one_is_installed(canvas: Any) -> None:
    asked: list[dict[str, Any]] = []

    def read(route: Any) -> None:
        """What was asked, and its answer by colours: there is no segmenter here."""
        body = route.request.post_data_json
        asked.append(body)
        route.continue_(post_data=json.dumps({"colours": body["colours"]}))

    segmenters = [{"id": "segmenters/b0", "title": "SegFormer B0"}]
    canvas.route("**/adapters?kind=segmenter", lambda route: route.fulfill(json=segmenters))
    canvas.route("**/class-map", read)
    give(
        canvas,
        "#semantic-canvas button[aria-label='Read a photograph']",
        png(photograph(128, 128, 3)),
    )
    toast = ".ez-toast:has-text('Read by SegFormer B0.')"
    canvas.wait_for_selector(toast)
    assert asked[0]["segmenter"] == "segmenters/b0"
    assert asked[0]["classes"] == ["sky", "meadow", "water", "house"]
    canvas.click(f"{toast} button")
    until(canvas, TAB, "desk.board.history.past.length === 2")
    assert [*asked[1]] == ["colours"]
    canvas.unroute("**/class-map")
    canvas.unroute("**/adapters?kind=segmenter")


@pytest.mark.parametrize(
    ("button", "name"),
    [("Save the map as PNG", "class-map.png"), ("Save map and boxes as JSON", "class-map.json")],
)
def test_a_saved_map_comes_back_as_it_was(
    canvas: Any, tmp_path: Path, button: str, name: str
) -> None:
    canvas.click("#semantic-canvas .ez-canvas-class[title=water]")
    stroke(canvas, TAB, (20, 20), (90, 110))
    painted = layer(canvas, TAB)
    with canvas.expect_download() as download:
        canvas.click(f"#semantic-canvas button[aria-label='{button}']")
    download.value.save_as(tmp_path / name)
    cleared(canvas, TAB)
    assert layer(canvas, TAB).max() == 0
    give(
        canvas,
        "#semantic-canvas button[aria-label='Bring in a map (PNG, JSON)']",
        (tmp_path / name).read_bytes(),
        name,
    )
    until(canvas, TAB, "desk.board.layer.data.includes(2)")
    assert np.array_equal(layer(canvas, TAB), painted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "The file is no map that Easel wrote"),
        (json.dumps({"width": 8, "height": 8, "classes": ["lava"], "runs": [[0, 64]]}), "classes that the model does not know: lava"),
        (json.dumps({"width": 8, "height": 8, "classes": ["sky"], "runs": [[0, 63]]}), "runs hold 63 pixels; 64 were expected"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_map_is_said_and_the_canvas_stays(
    canvas: Any, text: str, said: str
) -> None:
    canvas.click("#semantic-canvas .ez-canvas-class[title=water]")
    stroke(canvas, TAB, (20, 20), (90, 110))
    painted = layer(canvas, TAB)
    give(
        canvas,
        "#semantic-canvas button[aria-label='Bring in a map (PNG, JSON)']",
        text.encode(),
        "a.json",
    )
    canvas.wait_for_selector(".ez-toast")
    assert said in canvas.inner_text(".ez-toast")
    assert np.array_equal(layer(canvas, TAB), painted)


def test_boxes_are_drawn_moved_and_sent_to_a_layout_model(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    _choose_model(canvas, "Fake layouts")
    until(canvas, TAB, "desk.layout && desk.options.tool === 'box'")
    canvas.click("#semantic-canvas .ez-canvas-class[title=house]")
    stroke(canvas, TAB, (32, 32), (64, 96))
    box = canvas.locator(".ez-canvas-box")
    assert box.inner_text().startswith("house")
    box.focus()
    canvas.keyboard.press("ArrowRight")
    canvas.keyboard.press("Shift+ArrowDown")
    [kept] = slot(canvas, TAB, "boxes")
    assert (kept["left"], kept["bottom"]) == pytest.approx((0.26, 0.76), abs=0.01)
    canvas.click("#semantic-generate")
    request = until_request(shared_studio.address, model="fake/layout")
    assert (request["model"], request["class_map"], request["boxes"]) == (
        "fake/layout",
        None,
        [kept],
    )
    box.focus()
    canvas.keyboard.press("Delete")
    assert on_desk(canvas, TAB, "desk.board.boxes.length") == 0
    canvas.keyboard.press("Control+z")
    assert on_desk(canvas, TAB, "desk.board.boxes.length") == 1
    _choose_model(canvas, "Fake maps")
    until(canvas, TAB, "!desk.layout")


@pytest.mark.parametrize("mirrored", [False, True])
def test_boxes_are_moved_and_sized_by_the_mouse(canvas: Any, mirrored: bool) -> None:
    _choose_model(canvas, "Fake layouts")
    until(canvas, TAB, "desk.layout && desk.options.tool === 'box'")
    if mirrored:
        on_desk(canvas, TAB, "desk.view.mirror()")
    stroke(canvas, TAB, (32, 32), (64, 96))
    label = canvas.locator(".ez-canvas-box > span").bounding_box()
    grip = canvas.locator(".ez-canvas-box > i").bounding_box()
    scale = on_desk(canvas, TAB, "desk.view.scale")
    way = -1 if mirrored else 1

    def drag(box: dict[str, float], across: float, down: float) -> None:
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        canvas.mouse.move(x, y)
        canvas.mouse.down()
        canvas.mouse.move(x + across * scale * way, y + down * scale, steps=3)
        canvas.mouse.up()

    drag(grip, 16 * way, 16)
    [sized] = slot(canvas, TAB, "boxes")
    left, right = (16, 64) if mirrored else (32, 80)
    assert _pixels(sized) == pytest.approx((left, 32, right, 112), abs=1)
    drag(label, -16, 100)  # stays on the board
    [moved] = slot(canvas, TAB, "boxes")
    assert _pixels(moved) == pytest.approx((left - 16, 48, right - 16, 128), abs=1)
    canvas.keyboard.press("Control+z")
    canvas.keyboard.press("Control+z")
    assert _pixels(on_desk(canvas, TAB, "desk.board.boxes[0]")) == (32, 32, 64, 96)
    _choose_model(canvas, "Fake maps")
    until(canvas, TAB, "!desk.layout")


def _pixels(box: dict[str, float]) -> tuple[float, ...]:
    return tuple(128 * box[side] for side in ("left", "top", "right", "bottom"))


def test_regions_of_a_map_and_a_box_have_words_of_their_own(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    _choose_model(canvas, "Gradient")
    until(canvas, TAB, "desk.mixed && desk.classes.length === 16")
    canvas.click("#semantic-canvas .ez-canvas-class[title=water]")
    canvas.keyboard.press("r")
    stroke(canvas, TAB, (0, 64), (128, 128))
    canvas.click("#semantic-canvas .ez-canvas-class[title=boat]")
    canvas.keyboard.press("o")
    stroke(canvas, TAB, (20, 60), (60, 100))
    canvas.fill(".ez-region[data-name=water] input[type=text]", "a frozen lake")
    canvas.fill(".ez-region[data-name=water] input[type=number]", "1.5")
    canvas.press(".ez-region[data-name=water] input[type=number]", "Tab")
    canvas.wait_for_function(
        "document.querySelector('#semantic-driver').innerText.startsWith('Region prompts')"
    )
    canvas.fill("#semantic-region_attention input[type=number]", "0.5")
    canvas.press("#semantic-region_attention input[type=number]", "Tab")
    canvas.fill("#semantic-prompt textarea", "a view with regions")
    canvas.click("#semantic-generate")
    request = until_request(shared_studio.address, prompt="a view with regions")
    said = {region["name"]: (region["prompt"], region["weight"]) for region in request["regions"]}
    assert said["water"] == ("a frozen lake", 1.5)
    assert said["sky"] == ("a clear sky", 1)
    assert said["boat"] == ("a boat", 1)
    assert (request["map_driver"], len(request["boxes"])) == ("Region prompts", 1)
    assert request["region_attention"] == 0.5
    canvas.fill("#semantic-region_attention input[type=number]", "0")
    canvas.press("#semantic-region_attention input[type=number]", "Tab")
    canvas.evaluate("localStorage.removeItem('easel.regions')")
    _choose_model(canvas, "Fake maps")
    until(canvas, TAB, "!desk.mixed && desk.classes.length === 4")


def test_an_own_palette_is_made_painted_with_saved_and_opened(
    canvas: Any, shared_studio: RunningStudio, tmp_path: Path
) -> None:
    _choose_model(canvas, "Gradient")
    until(canvas, TAB, "desk.mixed && desk.classes.length === 16")
    canvas.click("#semantic-canvas .ez-canvas-class[title=meadow]")
    canvas.keyboard.press("r")
    stroke(canvas, TAB, (0, 64), (128, 128))
    make = "#semantic-canvas button[aria-label='Make a palette of your own']"
    canvas.click(make)
    canvas.click(".ez-own button:has-text('Add a class')")
    rows = canvas.locator(".ez-own-row")
    for row, name, colour in (
        (0, "haze", "#7ebeee"),
        (1, "lava", "#d02010"),
        (2, "meadow", "#84be54"),
    ):
        rows.nth(row).locator("[type=text]").fill(name)
        rows.nth(row).locator("[type=color]").fill(colour)
    with canvas.expect_download() as download:
        canvas.click(".ez-own button:has-text('Save as file')")
    download.value.save_as(tmp_path / "palette.json")
    canvas.click(".ez-own button:has-text('Use it')")
    canvas.click("#semantic-map_palette input")
    canvas.click("[role=option][aria-label='Own']")
    until(canvas, TAB, "desk.classes.join() === 'haze,lava,meadow'")
    made = layer(canvas, TAB)
    assert (made[10, 64], made[100, 64]) == (0, 2)  # sky by its colour, meadow by its name
    canvas.click("#semantic-canvas .ez-canvas-class[title=lava]")
    canvas.keyboard.press("r")
    stroke(canvas, TAB, (20, 10), (60, 40))
    canvas.fill("#semantic-prompt textarea", "a palette of my own")
    canvas.click("#semantic-generate")
    request = until_request(shared_studio.address, prompt="a palette of my own")
    assert request["map_palette"] == "Own"
    assert {(r["value"], r["name"], r["prompt"]) for r in request["regions"]} == {(0, "haze", "haze"), (1, "lava", "lava"), (2, "meadow", "meadow")}  # fmt: skip
    canvas.evaluate("localStorage.removeItem('easel.palette')")
    canvas.click(make)
    give(canvas, ".ez-own button:has-text('Open')", (tmp_path / "palette.json").read_bytes(), "palette.json")  # fmt: skip
    canvas.wait_for_function("document.querySelectorAll('.ez-own-row').length === 3")
    assert rows.nth(1).locator("[type=text]").input_value() == "lava"
    canvas.keyboard.press("Escape")
    canvas.evaluate("document.dispatchEvent(new CustomEvent('easel:palette'))")
    canvas.click("#semantic-map_palette input")
    canvas.click('[role=option][aria-label="Model\'s own"]')
    until(canvas, TAB, "desk.classes.length === 16")
    _choose_model(canvas, "Fake maps")
    until(canvas, TAB, "!desk.mixed && desk.classes.length === 4")


def _choose_model(page: Any, title: str) -> None:
    page.click("#semantic-model input")
    page.click(f"[role=option]:has-text('{title}')")


def test_with_the_switch_each_stroke_on_the_map_is_drawn(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    canvas.fill("#semantic-prompt textarea", "live over a map")
    switch = "#semantic-switch label:has-text('Draw as I paint') input"
    assert not canvas.is_checked(switch)
    canvas.check(switch)
    canvas.click("#semantic-canvas .ez-canvas-class[title=water]")
    stroke(canvas, TAB, (20, 100), (110, 100))
    request = until_request(shared_studio.address, prompt="live over a map", priority="Live")
    canvas.wait_for_function(
        "/ s$/.test(document.querySelector('#semantic-switch span').textContent)"
    )
    canvas.uncheck(switch)
    assert (request["model"], request["boxes"], request["regions"]) == ("fake/map", [], [])
    numbers = np.asarray(stored(shared_studio.address, request["class_map"]))
    assert set(np.unique(numbers)) == {0, 2}
