"""The gallery: a wall of pictures that is searched, walked through, and from which several are taken at once."""

from __future__ import annotations

import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio
from tests.browser.test_page import FINISHED, PROMPT, generate

pytestmark = pytest.mark.browser

SHOWN = "[...document.querySelectorAll('.ez-tile')].map((tile) => tile.ariaLabel)"
ALL_ARE_SHOWN = "[...document.querySelectorAll('.ez-tile img')].every((image) => image.complete)"
CHOSEN = ".ez-tile-mark:checked"
WALL = """async (count) => {
  const { columnsOf, Wall } = await import('/assets/easel/wall.js');
  const { make } = await import('/assets/easel/dom.js');
  const before = (picture, last) => (picture.batch === (last?.batch ?? '') ? null : picture.batch);
  window.wall = new Wall((picture) => make('div', {}, make('button', { textContent: picture.id })), () => {}, { shape: columnsOf(160), line: before });
  const holder = make('div', { id: 'tried', role: 'main' }, wall.element);
  holder.style.cssText = 'position:fixed;inset:0;z-index:99;overflow-y:auto;background:white';
  document.body.append(holder);
  wall.show(Array.from({ length: count }, (_, i) => ({ id: `p${i}`, batch: i >= 20 && i < 30 ? 'Batch' : '' })));
}"""
IN_SIGHT = """[...document.querySelectorAll('#tried button')].filter((button) => {
  const { top, bottom } = button.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}).map((button) => Number(button.textContent.slice(1)))"""


@pytest.fixture
def wall(page: Any) -> Any:
    """A hundred thousand pictures in rows of eight, a batch among the first."""
    page.evaluate(WALL, 100_000)
    page.wait_for_selector("#tried button")
    assert page.evaluate("wall.columns") == 8
    return page


def test_of_a_hundred_thousand_pictures_those_in_sight_are_in_the_page(wall: Any) -> None:
    seen: list[int] = []
    for part in (0, 0.5, 1):
        wall.evaluate("(part) => { tried.scrollTop = part * tried.scrollHeight; }", part)
        wall.wait_for_function(
            f"(part) => Math.abs({IN_SIGHT}.at(-1) / 1e5 - part) < 1e-3", arg=part
        )
        seen = wall.evaluate(IN_SIGHT)
        assert seen == list(range(seen[0], seen[-1] + 1))
        assert len(seen) >= 8 * 3
        assert wall.locator("#tried button").count() < 200
    assert seen[-1] == 99_999


def test_a_batch_begins_and_ends_with_a_row(wall: Any) -> None:
    lefts = wall.evaluate(
        "[...document.querySelectorAll('#tried button')].map((b) => b.getBoundingClientRect().left)"
    )
    begins = [i for i, left in enumerate(lefts) if left == lefts[0]]
    assert begins[:7] == [0, 8, 16, 20, 28, 30, 38]
    assert wall.locator("#tried .ez-wall-line").all_inner_texts() == ["Batch", ""]


def test_arrows_go_from_tile_to_tile_and_the_focus_stays_out_of_sight(wall: Any) -> None:
    wall.focus("#tried button")
    focus = "document.activeElement.textContent"
    for key, there in (
        ("ArrowRight", "p1"), ("ArrowDown", "p9"), ("ArrowLeft", "p8"), ("ArrowUp", "p0"),
        ("ArrowUp", "p0"), ("End", "p99999"), ("ArrowRight", "p99999"), ("Home", "p0"),
    ):  # fmt: skip
        wall.keyboard.press(key)
        assert wall.evaluate(focus) == there
        assert int(there[1:]) in wall.evaluate(IN_SIGHT)
    wall.evaluate("tried.scrollTop = 1e6")
    wall.wait_for_function(f"{IN_SIGHT}[0] > 1000")
    assert wall.evaluate(focus) == "p0"


@pytest.fixture
def drawn(page: Any) -> Any:
    """The gallery with four pictures that were just drawn, and others."""
    generate(page, "several at once", count=4, steps=1)
    page.wait_for_function(f"document.querySelectorAll('{FINISHED}').length === 4")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Alt+7")
    page.fill("[aria-label='Search pictures']", "several at once")
    page.wait_for_function("/found$/.test(document.querySelector('.ez-gallery-said').textContent)")
    page.wait_for_function(ALL_ARE_SHOWN)  # what is deleted while it is asked for is not found
    return page


def test_several_are_selected_downloaded_deleted_and_brought_back(
    drawn: Any, shared_studio: RunningStudio
) -> None:
    before = drawn.evaluate(SHOWN)
    assert drawn.locator(".ez-chosen").is_hidden()
    drawn.click(".ez-tile >> nth=0", modifiers=["Control"])
    drawn.click(".ez-tile >> nth=2", modifiers=["Shift"])
    assert drawn.inner_text(".ez-chosen output") == "3 selected"
    drawn.click(".ez-tile >> nth=1")  # now that some are, a click selects
    assert drawn.inner_text(".ez-chosen output") == "2 selected"
    with drawn.expect_download() as download:
        drawn.click(".ez-chosen button[title=Download]")
    names = drawn.evaluate(
        "[0, 2].map((i) => document.querySelectorAll('.ez-tile-cell')[i].dataset.key)"
    )
    files = []
    for name in names:
        with urllib.request.urlopen(f"{shared_studio.address}/api/v1/pictures/{name}") as answer:
            files.append(answer.read())
    with zipfile.ZipFile(Path(download.value.path())) as packed:
        assert [packed.read(name) for name in packed.namelist()] == files
    drawn.keyboard.press("Delete")
    drawn.wait_for_selector(".ez-toast:has-text('2 pictures deleted')")
    assert drawn.evaluate(SHOWN) == [before[1], *before[3:]]
    assert drawn.locator(".ez-chosen").is_hidden()
    drawn.wait_for_selector(".ez-bin")
    drawn.click(".ez-toast button:has-text('Undo')")
    drawn.wait_for_function(f"(wanted) => {SHOWN}.length === wanted", arg=len(before))
    assert drawn.evaluate(SHOWN) == before
    drawn.click(".ez-nav a[data-tab=txt2img]")
    drawn.wait_for_function(f"document.querySelectorAll('{FINISHED}').length === 4")


def test_select_is_a_switch_and_escape_ends_it(drawn: Any) -> None:
    drawn.click(".ez-gallery-bar button:text-is('Select')")
    drawn.click(".ez-tile >> nth=1")
    drawn.check(".ez-tile-mark >> nth=0")
    assert drawn.locator(CHOSEN).count() == 2
    assert drawn.locator(".ez-look").count() == 0
    drawn.keyboard.press("Control+a")
    assert drawn.locator(CHOSEN).count() == drawn.locator(".ez-tile").count()
    drawn.keyboard.press("Escape")
    assert drawn.locator(CHOSEN).count() == 0
    drawn.click(".ez-tile >> nth=0")
    drawn.wait_for_selector(".ez-look")


def test_no_key_deletes_a_picture_that_is_out_of_sight(drawn: Any) -> None:
    """Delete is for the stage where that is seen."""
    drawn.click(".ez-nav a[data-tab=txt2img]")
    drawn.click(f"{FINISHED} >> nth=0")  # on the stage
    drawn.click(".ez-nav a[data-tab=gallery]")
    drawn.wait_for_selector(".ez-tile")
    before = drawn.evaluate(SHOWN)
    drawn.focus(".ez-tile")
    drawn.keyboard.press("Delete")
    drawn.wait_for_timeout(300)
    drawn.click(".ez-nav a[data-tab=gallery]")
    assert drawn.locator(".ez-toast").count() == 0
    assert drawn.evaluate(SHOWN) == before
    drawn.click(".ez-nav a[data-tab=txt2img]")
    drawn.click(f"{FINISHED} >> nth=0")
    drawn.keyboard.press("Delete")
    drawn.wait_for_selector(".ez-toast:has-text('Picture deleted')")


def test_the_gallery_shows_pictures_and_restores_their_parameters(page: Any) -> None:
    generate(page, "for the gallery", count=2, steps=17)
    page.wait_for_function(f"document.querySelectorAll('{FINISHED}').length === 2")
    page.fill(PROMPT, "something else")
    page.keyboard.press("Alt+7")
    page.click(".ez-tile >> nth=0")
    page.wait_for_function(
        "document.querySelector('.ez-look pre').textContent.includes('Steps: 17')"
    )
    seeds = [tile.get_attribute("aria-label")[18:] for tile in page.query_selector_all(".ez-tile")]
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f".ez-look pre:has-text('Seed: {seeds[1]},')")
    page.keyboard.press("Delete")
    page.wait_for_selector(".ez-toast:has-text('Picture deleted')")
    assert page.locator(".ez-tile:visible").count() == len(seeds) - 1
    page.click(".ez-toast button:has-text('Undo')")
    page.wait_for_selector(f".ez-look pre:has-text('Seed: {seeds[1]},')")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f".ez-look pre:has-text('Seed: {seeds[0]},')")
    assert page.is_disabled(".ez-look button[title^='Newer']")
    page.click(".ez-look button[title='Restore parameters']")
    page.wait_for_function(f"document.querySelector('{PROMPT}').value === 'for the gallery'")


def test_the_gallery_is_searched_with_the_keyboard(page: Any) -> None:
    generate(page, "a zeppelin over the sea")
    page.wait_for_selector(FINISHED)
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Alt+7")
    page.wait_for_selector(".ez-tile")
    page.focus("[aria-label='Search pictures']")
    page.keyboard.type("Zepp sea")
    page.wait_for_function("document.querySelector('.ez-gallery-said').textContent === '1 found'")
    assert page.locator(".ez-tile").count() == 1
    page.keyboard.type(" submarine")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=No picture was found for “Zepp sea submarine”.")
    assert page.locator(".ez-gallery-bar button:text-is('Select')").is_hidden()
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelectorAll('.ez-tile').length > 0")
    assert page.input_value("[aria-label='Search pictures']") == ""


# What is still being asked for when the bin is emptied would not be found, and the page complains.
ALL_OF_IT_IS_SHOWN = """() => document.querySelector('.ez-look pre')?.textContent
  && document.querySelector('.ez-look img').complete && document.querySelector('.ez-tile img').complete"""


def test_the_bin_is_emptied_after_a_question(page: Any) -> None:
    generate(page, "for the bin")
    page.wait_for_selector(FINISHED)
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Alt+7")
    page.click(".ez-tile >> nth=0")
    page.wait_for_function(ALL_OF_IT_IS_SHOWN)
    page.click(".ez-look button[title='Delete']")
    page.keyboard.press("Escape")  # the next picture is shown, where there is one
    page.click(".ez-bin")
    page.wait_for_selector(".ez-bin-dialog")
    page.keyboard.press("Enter")  # the careful answer has the focus
    page.wait_for_selector(".ez-bin-dialog", state="detached")
    page.click(".ez-bin")
    page.click(".ez-bin-dialog .ez-danger")
    page.wait_for_selector("text=removed,")
    page.wait_for_selector(".ez-bin", state="hidden")
