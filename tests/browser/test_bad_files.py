"""Files that are dropped on canvases and beside them: what cannot be used is said, and nothing is lost."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import RunningStudio, holding
from tests.browser.painting import (
    cleared,
    drop,
    layer,
    on_desk,
    photograph,
    png,
    stored,
    stroke,
    until,
    until_request,
)

pytestmark = pytest.mark.browser

REFUSED = "Failed to load resource: the server responded with a status of 400 (Bad Request)"
SENTENCE = "The file is no picture that can be read"


@pytest.fixture
def painted(easel: Any, request: pytest.FixtureRequest) -> Iterator[tuple[Any, str]]:
    """A canvas with a stroke on it, and its tab."""
    tab: str = request.param
    cleared(easel, tab)
    if tab == "inpaint":
        drop(easel, tab, png(photograph(320, 200)))
        until(easel, tab, "desk.board.width === 320 && desk.ready()")
    else:
        easel.locator(f"#{tab}-canvas .ez-canvas-class").nth(2).click()
    stroke(easel, tab, (20, 20), (60, 60))
    yield easel, tab
    assert easel.faults == easel.expected_faults


def let_fall(page: Any, selector: str, name: str, kind: str, data: bytes) -> bool:
    """Drag a file over a part of the page and drop it; whether the browser was kept from opening it."""
    stayed: bool = page.evaluate(
        """([selector, name, type, text]) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], name, { type }));
          const fire = (event) => !document.querySelector(selector).dispatchEvent(
            new DragEvent(event, { dataTransfer, bubbles: true, cancelable: true }));
          return [fire('dragover'), fire('drop')].every(Boolean);
        }""",
        [selector, name, kind, base64.b64encode(data).decode()],
    )
    return stayed


def vast() -> bytes:
    """A PNG that says it has 12,000 pixels a side, which is all that is read of it."""
    data = bytearray(png(Image.new("1", (8, 8))))
    data[16:24] = struct.pack(">II", 12_000, 12_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def said(page: Any) -> str:
    page.wait_for_selector(".ez-toast")
    text: str = page.inner_text(".ez-toast span")
    return text


@pytest.mark.parametrize("painted", ["inpaint", "semantic", "live"], indirect=True)
def test_a_file_that_is_no_picture_leaves_the_strokes_where_they_are(
    painted: tuple[Any, str],
) -> None:
    page, tab = painted
    page.expected_faults = [REFUSED, REFUSED]
    before = layer(page, tab)
    assert before.any()
    drop(page, tab, b"%PDF-1.7 a letter", "letter.pdf")
    assert said(page).startswith(SENTENCE)
    assert np.array_equal(layer(page, tab), before)
    page.evaluate("document.querySelector('.ez-toast')?.remove()")
    drop(page, tab, vast(), "vast.png")
    assert said(page).endswith("at most 50 megapixels are taken. Scale it down first.")
    assert np.array_equal(layer(page, tab), before)
    stroke(page, tab, (80, 20), (100, 60))  # and one can paint on
    assert not np.array_equal(layer(page, tab), before)


@pytest.mark.parametrize("painted", ["semantic", "live"], indirect=True)
@pytest.mark.parametrize(("kind", "mode"), [("GIF", "P"), ("JPEG", "CMYK"), ("PNG", "I;16")])
def test_pictures_of_other_kinds_become_a_map_and_the_strokes_come_back(
    painted: tuple[Any, str], kind: str, mode: str
) -> None:
    page, tab = painted
    before = layer(page, tab)
    file = io.BytesIO()
    Image.new(mode, (72, 64)).save(file, kind)
    drop(page, tab, file.getvalue(), f"a.{kind.lower()}")
    until(page, tab, "desk.board.width === 72 && desk.ready()")
    until(page, tab, "desk.board.history.past.at(-1)?.title === 'Map'")
    assert layer(page, tab).max() < on_desk(page, tab, "desk.look.length")
    page.keyboard.press("Control+z")
    assert np.array_equal(layer(page, tab), before)


@pytest.mark.parametrize("painted", ["semantic"], indirect=True)
def test_numbers_and_colours_of_no_class_are_counted_and_the_strokes_come_back(
    painted: tuple[Any, str],
) -> None:
    page, tab = painted
    before = layer(page, tab)
    numbers = np.zeros((128, 128), np.uint8)
    numbers[:8] = 200  # the model has four classes
    drop(page, tab, png(Image.fromarray(numbers)))
    assert "pixels had colours of no class and were moved to the nearest" in said(page)
    page.keyboard.press("Control+z")
    assert np.array_equal(layer(page, tab), before)


@pytest.mark.parametrize("tab", ["img2img", "upscale"])
def test_a_start_image_stays_when_what_comes_after_it_is_no_picture(easel: Any, tab: str) -> None:
    easel.faults.clear()
    easel.click(f".ez-nav a[data-tab={tab}]")
    image, well = f"#{tab}-image .ez-well > label > img", f"#{tab}-image input[type=file]"

    def given(name: str, kind: str, data: bytes) -> None:
        easel.set_input_files(well, {"name": name, "mimeType": kind, "buffer": data})

    file = io.BytesIO()
    Image.new("CMYK", (40, 32)).save(file, "JPEG")
    given("a.jpg", "image/jpeg", file.getvalue())
    address = f"/api/v1/images/{hashlib.sha256(file.getvalue()).hexdigest()}"
    easel.wait_for_selector(f"{image}[src='{address}']")
    for name, kind, data, sentence in (
        ("letter.png", "image/png", b"%PDF-1.7", SENTENCE),
        ("vast.png", "image/png", vast(), "at most 50 megapixels are taken"),
    ):
        given(name, kind, data)
        easel.wait_for_selector(f"#{tab}-image .ez-well-said:has-text('{sentence}')")
        assert easel.get_attribute(image, "src") == address
    assert easel.faults == [REFUSED, REFUSED]
    easel.click(f"#{tab}-image button[aria-label='Remove the image']")


def test_generate_waits_for_a_start_image_that_still_comes_in(
    easel: Any, shared_studio: RunningStudio
) -> None:
    easel.click(".ez-nav a[data-tab=img2img]")
    picture = {"name": "a.png", "mimeType": "image/png", "buffer": png(photograph(64, 64, 9))}
    with holding(easel, "**/api/v1/images"):
        easel.set_input_files("#img2img-image input[type=file]", picture)
        easel.fill("#img2img-prompt textarea", "of what still came")
        easel.click("#img2img-generate")
        easel.wait_for_timeout(300)
    request = until_request(shared_studio.address, prompt="of what still came")
    assert stored(shared_studio.address, request["image"]).size == (64, 64)
    easel.click("#img2img-image button[aria-label='Remove the image']")


@pytest.mark.parametrize("painted", ["inpaint"], indirect=True)
def test_a_mask_of_another_size_is_refused_with_both_sizes(painted: tuple[Any, str]) -> None:
    page, tab = painted
    before = layer(page, tab)
    with page.expect_file_chooser() as chooser:
        page.click("#inpaint-canvas button[aria-label='Bring in a mask']")
    mask = {"name": "mask.png", "mimeType": "image/png", "buffer": png(Image.new("L", (64, 64)))}
    chooser.value.set_files([mask])
    assert said(page).startswith("The mask has 64 × 64 pixels, the picture 320 × 200.")
    assert np.array_equal(layer(page, tab), before)


@pytest.mark.parametrize("painted", ["inpaint"], indirect=True)
def test_a_file_that_falls_beside_the_canvas_does_not_take_the_page_along(
    painted: tuple[Any, str],
) -> None:
    page, tab = painted
    before = layer(page, tab)
    for place in ("#ez-stage", "#inpaint-prompt textarea", "body"):
        page.evaluate("document.querySelector('.ez-toast')?.remove()")
        assert let_fall(page, place, "letter.pdf", "application/pdf", b"%PDF-1.7")
        assert said(page).startswith("“letter.pdf” is no picture. Taken are PNG")
    assert np.array_equal(layer(page, tab), before)


@pytest.mark.parametrize("painted", ["semantic"], indirect=True)
def test_a_picture_that_falls_beside_the_canvas_is_offered_as_input(
    painted: tuple[Any, str], shared_studio: RunningStudio
) -> None:
    page, tab = painted
    before = layer(page, tab)
    assert let_fall(page, "#ez-stage", "hills.png", "image/png", png(photograph(96, 64)))
    assert said(page) == "“hills.png”"
    page.click(".ez-toast button:has-text('Use as input')")
    page.wait_for_selector("#img2img-image img[src^='/api/v1/images/']")
    assert np.array_equal(layer(page, tab), before)
    page.click("#img2img-image button[aria-label='Remove the image']")
    assert let_fall(page, "#ez-stage", "hills.png", "image/png", png(photograph(96, 64)))
    page.expected_faults = [REFUSED]  # it tells of no parameters
    page.click(".ez-toast button:has-text('Read its parameters')")
    page.wait_for_function("!document.querySelector('.ez-toast button')")
    assert said(page).endswith(".")
    assert on_desk(page, tab, "desk.board.layer.data.length") == before.size
