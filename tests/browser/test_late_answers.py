"""What the server answers late neither replaces what was chosen after it nor is left out of what is ordered."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import RunningStudio, holding, watched_page
from tests.browser.painting import (
    cleared,
    drop,
    layer,
    on_desk,
    open_canvas,
    photograph,
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
PALETTES = re.compile("/api/v1/palettes")
COLOURS = colours_of(FAKE_CLASSES)


@pytest.fixture
def canvas(easel: Any) -> Iterator[Any]:
    """The semantic tab with a map of nothing but sky, at the model's own size."""
    cleared(easel, TAB)
    until(easel, TAB, "desk.board.width === 128")
    yield easel
    assert easel.faults == easel.expected_faults


def until_some(page: Any, requests: list[Any], wanted: int) -> None:
    """Wait until so many requests were held."""
    deadline = time.monotonic() + 30
    while len(requests) < wanted:
        assert time.monotonic() < deadline, requests
        page.wait_for_timeout(20)


def test_generate_waits_for_a_map_that_still_comes_in(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    numbers = np.zeros((128, 128), np.uint8)
    numbers[40:, 30:] = 3
    image = Image.fromarray(numbers)
    image.putpalette(np.array(COLOURS, np.uint8).tobytes())
    with holding(canvas, "**/api/v1/images/*") as held:
        drop(canvas, TAB, png(image))
        canvas.fill("#semantic-prompt textarea", "of what was dropped")
        canvas.click("#semantic-generate")
        until_some(canvas, held, 1)
        canvas.wait_for_timeout(400)
    request = until_request(shared_studio.address, prompt="of what was dropped")
    sent = stored(shared_studio.address, request["class_map"])
    assert np.array_equal(np.asarray(sent), numbers)


ANSWERS = "**/gradio_api/run/predict*"


@pytest.fixture
def own_page(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """A page whose tab no other test is lent: its clock may be set."""
    with watched_page(browser, shared_studio.address, first="void 'spent'") as tab:
        yield tab


@pytest.mark.parametrize("late", ["values", "picture", "tab"])
def test_a_picture_that_is_dropped_before_the_kept_one_comes_stays(
    request: pytest.FixtureRequest, late: str
) -> None:
    """`tab`: it is opened so late that an answer of the page's beginning is not waited for any more."""
    page, tab = request.getfixturevalue("own_page" if late == "tab" else "page"), "inpaint"
    open_canvas(page, tab)
    drop(page, tab, png(photograph(96, 64)))
    until(page, tab, "desk.ready()")
    stroke(page, tab, (20, 20), (60, 40))
    old, mask = slot(page, tab, "image"), slot(page, tab, "mask")
    page.wait_for_function(f"localStorage['easel.form.inpaint'].includes('{mask}')")
    if late == "tab":
        page.click(".ez-nav a[data-tab=txt2img]")
        page.clock.install()
        page.reload()
        page.wait_for_selector("#txt2img-generate")
        until(page, tab, "true")
        page.clock.fast_forward(20_000)
    with holding(page, f"**/api/v1/images/{old}" if late == "picture" else ANSWERS) as held:
        if late == "tab":
            page.click(".ez-nav a[data-tab=inpaint]")
        else:
            page.reload()
        page.wait_for_selector("#inpaint-canvas .ez-canvas-surface canvas")
        until(page, tab, "true")
        until_some(page, held, 1)
        drop(page, tab, png(photograph(150, 110, 4)))
        page.wait_for_timeout(500)
    until(page, tab, "desk.ready() && desk.board.width === 150")
    page.wait_for_timeout(500)
    assert on_desk(page, tab, "[desk.board.width, desk.board.height]") == [150, 110]
    assert not layer(page, tab).any()
    new = on_desk(page, tab, "desk.board.pictureId")
    assert slot(page, tab, "image") == new != old
    assert slot(page, tab, "mask") is None
    page.keyboard.press("Control+z")
    assert slot(page, tab, "image") == old
    assert slot(page, tab, "mask") == mask
    assert layer(page, tab).any()


def test_a_start_image_that_is_chosen_before_the_kept_one_comes_stays(page: Any) -> None:
    page.click(".ez-nav a[data-tab=img2img]")
    well, kept = "#img2img-image input[type=file]", "localStorage['easel.form.img2img']"
    a, b = ({"name": "a.png", "mimeType": "image/png", "buffer": png(photograph(64, 64, i))} for i in (1, 2))  # fmt: skip
    page.set_input_files(well, a)
    page.wait_for_selector("#img2img-image .ez-well img[src]")
    old = slot(page, "img2img", "image")
    page.wait_for_function(f"{kept}?.includes('{old}')")
    with holding(page, ANSWERS) as held:
        page.reload()
        until_some(page, held, 1)
        with page.expect_response("**/api/v1/images"):
            page.set_input_files(well, b)
        page.wait_for_timeout(200)
    page.wait_for_function(f"!{kept}.includes('{old}')")
    page.wait_for_timeout(300)
    new = slot(page, "img2img", "image")
    assert new not in (None, old)
    assert new in page.get_attribute("#img2img-image .ez-well img", "src")


FORM = "import('/assets/easel/form.js').then((m) => m.values('semantic').width)"


IN_SIGHT = """[[0, 0], [desk.board.width, desk.board.height]].every((corner) => {
  const { x, y } = desk.view.toScreen(...corner), { clientWidth, clientHeight } = desk.surface;
  return x >= 0 && y >= 0 && x <= clientWidth && y <= clientHeight;
})"""


@pytest.mark.parametrize("late", [False, True])
def test_the_forms_size_goes_back_with_a_map_that_is_undone(canvas: Any, late: bool) -> None:
    # late: the form is given the map's size after the map was undone
    with holding(canvas, ANSWERS if late else "nothing") as held:
        drop(canvas, TAB, png(Image.new("P", (72, 64))))
        until(canvas, TAB, "desk.board.width === 72 && desk.ready()")
        if late:
            until_some(canvas, held, 1)
        else:
            canvas.wait_for_function(f"{FORM}.then((width) => width === 72)")
        on_desk(canvas, TAB, "desk.undo()")
    canvas.wait_for_function(f"{FORM}.then((width) => width === null)")
    canvas.wait_for_timeout(300)
    assert on_desk(canvas, TAB, "[desk.board.width, desk.board.height]") == [128, 128]
    assert on_desk(canvas, TAB, IN_SIGHT)
    on_desk(canvas, TAB, "desk.redo()")
    canvas.wait_for_function(f"{FORM}.then((width) => width === 72)")
    on_desk(canvas, TAB, "desk.undo()")
    canvas.wait_for_function(f"{FORM}.then((width) => width === null)")


def test_of_two_models_in_a_row_the_later_ones_classes_stay(canvas: Any) -> None:
    asked: list[Any] = []
    canvas.route(PALETTES, lambda route: asked.append(route))
    canvas.evaluate("document.dispatchEvent(new CustomEvent('easel:offers'))")  # ask anew
    try:
        for wanted, model in enumerate(("fake/gradient", "fake/map"), start=1):
            on_desk(canvas, TAB, f"void desk.follow({{ ...desk.followed, model: '{model}' }})")
            until_some(canvas, asked, wanted)
        assert len(asked) == 2
        for route in reversed(asked):  # that of the later model first
            with canvas.expect_response(PALETTES):
                route.continue_()
            until(canvas, TAB, "!desk.mixed && desk.classes.length === 4")
        canvas.wait_for_timeout(300)
    finally:
        canvas.unroute(PALETTES)
    assert on_desk(canvas, TAB, "[desk.mixed, desk.classes.length]") == [False, 4]


def test_what_is_filled_while_another_filling_is_under_way_arrives(page: Any) -> None:
    page.evaluate("""async () => { const { fill } = await import('/assets/easel/form.js');
        fill('txt2img', {}); await new Promise((go) => setTimeout(go, 30));
        fill('txt2img', { steps: 7 }); await new Promise((go) => setTimeout(go, 30));
        fill('txt2img', { seed: 11, prompt: 'a boat' }); }""")
    page.wait_for_function("""() => { const kept = JSON.parse(localStorage.getItem('easel.form.txt2img') ?? '{}');
        return kept.steps === 7 && kept.seed === 11 && kept.prompt === 'a boat'; }""")
