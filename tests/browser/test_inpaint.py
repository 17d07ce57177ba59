"""The inpaint tab: from a mask to candidates, and what is accepted, undone and brought back."""

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
    photograph,
    png,
    slot,
    stored,
    stroke,
    until,
    until_request,
)

pytestmark = pytest.mark.browser

TAB = "inpaint"
SEEDS = count(1)
SHOWN = "!!desk.view.over && desk.staged.isShown()"


@pytest.fixture
def canvas(easel: Any) -> Iterator[Any]:
    """The tab with a picture of 128 x 128, the fake model's own size; no other test has the same."""
    cleared(easel, TAB)
    drop(easel, TAB, png(photograph(128, 128, next(SEEDS))))
    until(easel, TAB, "desk.board.width === 128 && desk.ready()")
    yield easel
    assert easel.faults == easel.expected_faults


def generate(page: Any, prompt: str, pictures: int = 1) -> None:
    page.fill("#inpaint-prompt textarea", prompt)
    page.fill("#inpaint-count input[type=number]", str(pictures))
    page.press("#inpaint-count input[type=number]", "Tab")
    page.click("#inpaint-generate")


def test_generate_right_after_a_stroke_sends_that_very_mask(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    canvas.fill("#inpaint-prompt textarea", "at once")
    stroke(canvas, TAB, (30, 30), (90, 60))
    canvas.click("#inpaint-generate")
    until(canvas, TAB, SHOWN)
    request = latest_request(shared_studio.address)
    assert request["prompt"] == "at once"
    sent = np.asarray(stored(shared_studio.address, request["mask"]))
    assert np.array_equal(sent, layer(canvas, TAB))
    assert (request["mask_blur"], request["masked_content"]) == (4, "original")


def test_candidates_are_stepped_through_accepted_and_undone(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    before = slot(canvas, TAB, "image")
    stroke(canvas, TAB, (64, 64), (70, 64))
    mask = layer(canvas, TAB)
    generate(canvas, "three to choose from", pictures=3)
    canvas.wait_for_function(
        "document.querySelector('.ez-canvas-candidates span').textContent === '3 of 3'"
    )
    canvas.keyboard.press("Escape")
    until(canvas, TAB, "!desk.view.over")
    canvas.click(".ez-canvas-candidates button:has-text('Show')")
    until(canvas, TAB, SHOWN)
    canvas.keyboard.press("ArrowRight")
    assert canvas.inner_text(".ez-canvas-candidates span").startswith("2 of 3")
    canvas.keyboard.press("Delete")
    assert canvas.inner_text(".ez-canvas-candidates span").startswith("2 of 2")
    canvas.click(".ez-canvas-candidates button:has-text('Accept')")
    until(canvas, TAB, f"!desk.view.over && desk.board.pictureId !== '{before}'")
    accepted = slot(canvas, TAB, "image")
    made, old = (np.asarray(stored(shared_studio.address, i)) for i in (accepted, before))
    assert np.array_equal(made[mask == 0], old[mask == 0])
    assert not np.array_equal(made[mask > 0], old[mask > 0])
    assert np.array_equal(layer(canvas, TAB), mask)
    canvas.keyboard.press("Control+z")
    assert slot(canvas, TAB, "image") == before
    canvas.keyboard.press("Control+z")
    until(
        canvas,
        TAB,
        "document.querySelector('.ez-canvas-candidates span').textContent.startsWith('3 candidates')",
    )


def test_without_a_mask_a_sentence_is_said_over_the_canvas(canvas: Any) -> None:
    canvas.click("#inpaint-generate")
    canvas.wait_for_selector("#ez-stage .ez-notice:visible")
    assert "The mask is empty" in canvas.inner_text("#ez-stage .ez-notice")
    assert on_desk(canvas, TAB, "!!desk.board.picture")
    canvas.click(".ez-notice button:has-text('Dismiss')")


def test_a_pictures_mask_comes_back_with_its_parameters(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    stroke(canvas, TAB, (20, 100), (100, 100))
    mask, image = layer(canvas, TAB), slot(canvas, TAB, "image")
    canvas.fill("#inpaint-mask_blur input", "9")
    canvas.press("#inpaint-mask_blur input", "Tab")
    generate(canvas, "to be restored")
    until(canvas, TAB, SHOWN)
    cleared(canvas, TAB)
    canvas.fill("#inpaint-mask_blur input", "1")
    canvas.press("#inpaint-mask_blur input", "Tab")
    canvas.click(".ez-nav a[data-tab=txt2img]")
    canvas.click(".ez-actions button[title='Restore parameters']")
    until(canvas, TAB, f"desk.board.pictureId === '{image}' && desk.board.layer.data.includes(255)")
    assert canvas.url.endswith("?tab=inpaint")
    assert np.array_equal(layer(canvas, TAB), mask)
    canvas.wait_for_function("document.querySelector('#inpaint-mask_blur input').value === '9'")
    canvas.fill("#inpaint-mask_blur input", "4")
    canvas.press("#inpaint-mask_blur input", "Tab")


def test_a_result_goes_to_the_canvas_with_its_words(canvas: Any) -> None:
    canvas.click(".ez-nav a[data-tab=txt2img]")
    canvas.fill("#txt2img-prompt textarea", "sent on")
    canvas.click("#txt2img-generate")
    canvas.wait_for_selector(".ez-actions button[title='To inpaint']")
    before = on_desk(canvas, TAB, "desk.board.pictureId")
    canvas.wait_for_function(
        "document.querySelector('.ez-picture')?.alt === 'sent on' && document.querySelector('.ez-said').textContent.startsWith('Seed')"
    )
    canvas.click(".ez-actions button[title='To inpaint']")
    until(canvas, TAB, f"desk.board.pictureId && desk.board.pictureId !== '{before}'")
    canvas.wait_for_function(
        "document.querySelector('#inpaint-prompt textarea').value === 'sent on'"
    )
    assert layer(canvas, TAB).max() == 0


def test_accepted_after_accepted_is_undone_and_redone_one_by_one(canvas: Any) -> None:
    stroke(canvas, TAB, (50, 50), (80, 50))
    mask = layer(canvas, TAB)
    pictures = [slot(canvas, TAB, "image")]
    for words in ("first", "second"):
        generate(canvas, words)
        until(canvas, TAB, SHOWN)
        canvas.keyboard.press("Enter")  # Generate had the focus
        until(canvas, TAB, f"!desk.view.over && desk.board.pictureId !== '{pictures[-1]}'")
        pictures.append(slot(canvas, TAB, "image"))
    assert len(set(pictures)) == 3
    for before in (pictures[1], pictures[0]):
        canvas.keyboard.press("Control+z")
        assert slot(canvas, TAB, "image") == before
        assert np.array_equal(layer(canvas, TAB), mask)
    for after in pictures[1:]:
        canvas.keyboard.press("Control+Shift+z")
        assert slot(canvas, TAB, "image") == after


def test_what_was_painted_as_a_candidate_came_is_in_the_next_order(
    canvas: Any, shared_studio: RunningStudio
) -> None:
    stroke(canvas, TAB, (30, 30), (60, 30))
    set_steps(canvas, 60)
    generate(canvas, "the first of two")
    canvas.wait_for_function(
        "import('/assets/easel/store.js').then((store) => store.active().length > 0)"
    )
    on_desk(canvas, TAB, "desk.board.edit('Dot', (layer) => { layer.data.fill(255, 0, 900); return layer.whole(); })")  # fmt: skip
    until(canvas, TAB, SHOWN)
    canvas.wait_for_timeout(700)  # longer than what is painted waits to be stored
    set_steps(canvas, 20)
    generate(canvas, "the second of two")
    request = until_request(shared_studio.address, prompt="the second of two")
    sent = np.asarray(stored(shared_studio.address, request["mask"]))
    assert np.array_equal(sent, layer(canvas, TAB))


def set_steps(page: Any, steps: int) -> None:
    page.fill("#inpaint-steps input[type=number]", str(steps))
    page.press("#inpaint-steps input[type=number]", "Tab")
