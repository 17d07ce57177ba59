"""What the server answers late neither replaces what was chosen after it nor is left out of what is ordered."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import RunningStudio
from tests.browser.painting import cleared, drop, on_desk, png, stored, until, until_request
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
    held: list[Any] = []
    canvas.route("**/api/v1/images/*", lambda route: held.append(route))
    drop(canvas, TAB, png(image))
    canvas.fill("#semantic-prompt textarea", "of what was dropped")
    canvas.click("#semantic-generate")
    until_some(canvas, held, 1)
    canvas.wait_for_timeout(400)
    while held:
        held.pop().continue_()
    canvas.unroute("**/api/v1/images/*")
    request = until_request(shared_studio.address, prompt="of what was dropped")
    sent = stored(shared_studio.address, request["class_map"])
    assert np.array_equal(np.asarray(sent), numbers)


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
