"""The live tab: a picture for each stroke, and only the newest is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.browser.conftest import RunningStudio
from tests.browser.painting import (
    Numbers,
    cleared,
    latest_request,
    layer,
    on_desk,
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
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        request = latest_request(address)
        if np.array_equal(np.asarray(stored(address, request["image"]).convert("RGB")), wanted):
            return request
        time.sleep(0.05)
    raise TimeoutError("No job has what was painted.")


def test_opening_the_tab_draws_nothing(canvas: Any, shared_studio: RunningStudio) -> None:
    before = latest_request(shared_studio.address)
    canvas.click(".ez-nav a[data-tab=txt2img]")
    canvas.click(".ez-nav a[data-tab=live]")
    on_desk(canvas, TAB, "desk.board.become({ boxes: [] })")
    canvas.wait_for_timeout(300)
    assert latest_request(shared_studio.address) == before


def test_nothing_is_drawn_while_it_is_off(canvas: Any, shared_studio: RunningStudio) -> None:
    canvas.click("#live-switch label:has-text('Draw as I paint')")
    before = latest_request(shared_studio.address)
    canvas.click("#live-canvas .ez-canvas-class[title=leaf]")
    stroke(canvas, TAB, (50, 50), (60, 60))
    canvas.wait_for_timeout(300)
    assert latest_request(shared_studio.address) == before
    canvas.click("#live-switch label:has-text('Draw as I paint')")
