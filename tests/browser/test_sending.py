"""A finished picture can be sent to every tab, as what that tab begins with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio, watched_page
from tests.browser.painting import layer, on_desk, slot, until
from tests.browser.test_page import FINISHED, SEED, generate, set_number

pytestmark = pytest.mark.browser

TABS = ["txt2img", "img2img", "inpaint", "semantic", "upscale", "live"]


@pytest.fixture
def finished(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    with watched_page(browser, shared_studio.address) as page:
        set_number(page, SEED, 7)  # a picture of many colours
        generate(page, "a house to send")
        page.wait_for_selector(FINISHED)
        yield page


def send(page: Any, tab: str) -> None:
    page.click(".ez-actions button[title='Send to another tab']")
    assert page.locator(".ez-menu-entry strong").all_inner_texts() == TABS
    page.click(f".ez-menu-entry:has(strong:text-is('{tab}'))")
    page.wait_for_selector(f"body[data-tab={tab}]")
    page.wait_for_function(
        f"document.querySelector('#{tab}-prompt textarea')?.value === 'a house to send'"
    )


@pytest.mark.parametrize("tab", ["img2img", "upscale"])
def test_it_becomes_the_start_image(finished: Any, tab: str) -> None:
    send(finished, tab)
    finished.wait_for_selector(f"#{tab}-image img[src^='/api/v1/images/']")


def test_it_becomes_the_canvas_picture(finished: Any) -> None:
    send(finished, "inpaint")
    until(finished, "inpaint", "desk.board.picture && desk.board.width === 128")


def test_it_becomes_a_first_map(finished: Any) -> None:
    send(finished, "semantic")
    until(finished, "semantic", "desk.board.history.past.at(-1)?.title === 'Photograph'")
    assert len(set(layer(finished, "semantic").flatten().tolist())) > 1
    assert slot(finished, "semantic", "class_map")


def test_it_becomes_colours_to_paint_on(finished: Any) -> None:
    send(finished, "live")
    until(finished, "live", "desk.board.history.past.at(-1)?.title === 'Map'")
    assert on_desk(finished, "live", "desk.noun") == "colour"
    assert slot(finished, "live", "image")


def test_it_is_drawn_anew_without_its_picture(finished: Any) -> None:
    send(finished, "img2img")
    finished.wait_for_selector("#img2img-image img[src^='/api/v1/images/']")
    finished.click("#img2img-generate")
    finished.wait_for_selector(".ez-strip .ez-item:not(.ez-item-job) >> nth=1")
    finished.wait_for_selector(".ez-said:has-text('Seed ')")
    send(finished, "txt2img")
    values = "import('/assets/easel/form.js').then((form) => form.values('txt2img'))"
    seed = finished.inner_text(".ez-said").removeprefix("Seed ")
    finished.wait_for_function(f"{values}.then(({{ seed }}) => String(seed) === '{seed}')")
    assert "image" not in finished.evaluate(values)


def test_a_mask_comes_along(finished: Any, shared_studio: RunningStudio) -> None:
    send(finished, "inpaint")
    until(finished, "inpaint", "desk.board.picture && desk.board.width === 128")
    on_desk(finished, "inpaint", "desk.board.edit('Half', (layer) => { layer.data.fill(255, 0, 8192); return layer.whole(); })")  # fmt: skip
    mask = slot(finished, "inpaint", "mask")
    finished.click("#inpaint-generate")
    until(finished, "inpaint", "!!desk.view.over && desk.staged.isShown()")
    sent = slot(finished, "inpaint", "image")
    finished.click(".ez-actions button[title='To inpaint']:visible")
    until(finished, "inpaint", f"desk.board.pictureId !== '{sent}' && desk.ready()")
    assert slot(finished, "inpaint", "mask") == mask
    assert layer(finished, "inpaint")[:64].min() == 255
