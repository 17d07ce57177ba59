"""What extensions show in the page, without a reload: arguments, their tab, and all that they add."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio, visit, watched_page
from tests.browser.shelf import fill_shelf
from tests.hooks.writing import write_extension
from tests.services.extension_install.making import HEARS

pytestmark = pytest.mark.browser

DONE = "document.querySelectorAll('.ez-strip .ez-item:not(.ez-item-job)').length === {}"
REFUSED = "Failed to load resource: the server responded with a status of 400 (Bad Request)"
SAVED = "JSON.parse(localStorage.getItem('easel.form.txt2img'))"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio with a shelf of extensions, one of which is enabled."""
    made = RunningStudio(tmp_path_factory.mktemp("shelf"))
    fill_shelf(made.data_dir)
    (made.data_dir / "extensions.json").write_text(json.dumps(["book"]))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def page(browser: Any, studio: RunningStudio) -> Iterator[Any]:
    with watched_page(browser, studio.address) as tab:
        yield tab


def _ask(page: Any, path: str) -> Any:
    return page.evaluate("async (path) => (await fetch('/api/v1' + path)).json()", path)


def _generate(page: Any, pictures: int) -> None:
    page.click("#txt2img-generate")
    page.wait_for_function(DONE.format(pictures))


def test_arguments_are_ordered_by_name_kept_and_brought_back_from_a_picture(page: Any) -> None:
    page.fill("#txt2img-prompt textarea", "a boat")
    group = page.locator("#txt2img-extensions [data-extension=book]")
    group.locator("summary").click()
    assert group.locator("select").is_disabled()
    _generate(page, 1)
    group.locator("input[role=switch]").check()
    group.locator("select").select_option("cold")
    group.locator("input[type=number]").first.fill("7")  # at most 1
    group.locator("input[type=number]").first.press("Tab")
    page.wait_for_function(f"{SAVED}.extensions?.book?.strength === 1")
    _generate(page, 2)
    used, plain = [job["request"] for job in _ask(page, "/jobs")]
    assert plain["extensions"] == {}
    assert used["extensions"]["book"] == {
        "strength": 1, "pages": 3, "tone": "cold", "gilded": False, "motto": "",
    }  # fmt: skip
    assert used["prompt"] == "a boat, cold"
    page.reload()
    visit(page, page.url)
    page.wait_for_selector("#txt2img-extensions summary:has-text('used, strength 1, tone cold')")
    page.locator("#txt2img-extensions summary").first.click()
    page.uncheck("#txt2img-extensions input[role=switch]")
    page.wait_for_function(f"{SAVED}.extensions === null")
    assert page.locator("#txt2img-extensions select").input_value() == "cold"  # it waits
    page.locator(".ez-strip .ez-item button").first.click()
    page.click(".ez-actions button[aria-label='Restore parameters']")
    page.wait_for_function(f"{SAVED}.extensions?.book?.tone === 'cold'")
    assert page.locator("#txt2img-extensions input[role=switch]").first.is_checked()


def test_the_tab_switches_at_once_and_shows_what_went_wrong(page: Any) -> None:
    page.click(".ez-nav a[data-tab=extensions]")
    broken = page.locator(".ez-extension:has(h2:has-text('Broken'))")
    later = page.locator(".ez-extension:has(h2:has-text('later'))")
    assert "is for extension points >=9" in later.inner_text()
    assert "reads or writes files" in page.locator("[data-key=book].ez-extension").inner_text()
    broken.locator("input[role=switch]").check()
    broken.locator("details[open] pre:has-text('no times')").wait_for()
    assert "schedules, change_request" in broken.inner_text()
    assert page.locator("#txt2img-extensions [data-extension=broken]").count() == 1
    broken.locator("input[role=switch]").uncheck()
    broken.locator(".ez-extension-state:text-is('off')").wait_for()
    assert page.locator("#txt2img-extensions [data-extension=broken]").count() == 0
    book = page.locator("[data-key=book].ez-extension")
    book.locator("input[type=text]").fill("good day")
    book.locator("input[type=text]").press("Tab")
    book.locator("[role=status]:has-text('Kept.')").wait_for()
    assert _ask(page, "/extensions/book/settings")["values"]["greeting"] == "good day"
    (told,) = [detail for event, detail in page.evaluate("heard") if event == "settings"]
    assert (told["extension"], told["values"]["greeting"]) == ("book", "good day")


def test_all_that_one_adds_works_and_goes_with_it(page: Any) -> None:
    page.fill("#txt2img-prompt textarea", "a boat")
    page.click("#txt2img-sampler input")
    page.click("[role=option]:has-text('book/Straight')")
    page.click("#txt2img-extensions summary:has-text('Book of words')")
    page.click(".ez-extension-panel button")
    page.wait_for_function(f"{SAVED}.prompt === 'a boat and a word'")
    _generate(page, 1)
    assert _ask(page, "/jobs")[0]["request"]["sampler"] == "book/Straight"
    page.click(".ez-actions button[aria-label=Keep]")
    page.wait_for_selector(".ez-toast:has-text('Kept a note.')")
    page.click(".ez-header-added button")
    page.wait_for_function(DONE.format(2))
    heard = [name for name, *_ in page.evaluate("heard")]
    assert heard.count("picture") == 2
    assert {"form", "job"} <= set(heard)
    page.goto(page.url.split("?")[0] + "?tab=book-notes")  # a link to it works
    page.wait_for_selector(".ez-extension-tab li:has-text('seed')")
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.book h2')).color === 'rgb(1, 2, 3)'"
    )
    page.evaluate("""() => fetch('/api/v1/extensions/book', { method: 'PUT',
        headers: { 'content-type': 'application/json' }, body: '{"enabled": false}' })""")
    page.wait_for_function("document.body.dataset.tab === 'txt2img'")
    for gone in (".ez-extension-tab", ".ez-nav a[data-tab=book-notes]", ".ez-header-added button",
                 "#txt2img-extensions details", "link[href$='tab.css']"):  # fmt: skip
        page.wait_for_selector(gone, state="detached")
    assert page.evaluate("heard.at(-1)") == ["end"]
    page.wait_for_function(f"{SAVED}.sampler === 'DPM++ 2M'")


def _use(page: Any, name: str, wanted: bool) -> None:
    page.evaluate(
        """([name, enabled]) => fetch(`/api/v1/extensions/${name}`, { method: 'PUT',
        headers: { 'content-type': 'application/json' }, body: JSON.stringify({ enabled }) })""",
        [name, wanted],
    )


def test_upscalers_and_palettes_come_and_go_while_the_page_is_open(page: Any) -> None:
    """The examples: a menu has what is in use, the canvas its classes, and a form nothing that went."""
    kept = SAVED.replace("txt2img", "{}")
    page.click(".ez-nav a[data-tab=upscale]")
    page.wait_for_selector("#upscale-upscaler input")
    page.click(".ez-nav a[data-tab=semantic]")
    page.wait_for_selector("#semantic-map_palette input", state="attached")
    page.evaluate(
        "import('/assets/easel/form.js').then((form) => form.fill('semantic', { model: 'fake/gradient' }))"
    )
    page.wait_for_function(f"{kept.format('semantic')}?.model === 'fake/gradient'")
    for name in ("pixelart", "voc"):
        _use(page, name, True)
    chosen = (("upscale", "upscaler", "pixelart/Scale2x"), ("semantic", "map_palette", "voc/Pascal VOC"))  # fmt: skip
    for tab, field, value in chosen:
        page.click(f".ez-nav a[data-tab={tab}]")
        _choose(page, f"{tab}-{field}", value)
        page.wait_for_function(f"{kept.format(tab)}?.{field} === '{value}'")
    page.wait_for_selector(".ez-canvas-class[title=diningtable]")
    for name in ("pixelart", "voc"):
        _use(page, name, False)
    page.wait_for_function(f"{kept.format('upscale')}.upscaler === 'Model'")
    page.wait_for_function(f"""{kept.format("semantic")}.map_palette === "Model's own\"""")
    page.wait_for_selector(".ez-canvas-class[title=diningtable]", state="detached")


def test_tokens_are_counted_of_what_the_forms_extensions_make_of_the_words(page: Any) -> None:
    count = "#txt2img-prompt .ez-count:text-is('{}/75')"
    _use(page, "darkroom", True)
    page.wait_for_selector("#txt2img-extensions [data-extension=darkroom]", state="attached")
    page.fill("#txt2img-prompt textarea", "a red house")
    page.wait_for_selector(count.format(3))
    fill = "(given) => import('/assets/easel/form.js').then((form) => form.fill('txt2img', given))"
    page.evaluate(fill, {"extensions": {"darkroom": {"look": "by night"}}})
    page.wait_for_selector(count.format(6))
    page.evaluate(fill, {"extensions": None})
    page.wait_for_selector(count.format(3))
    _use(page, "darkroom", False)


def _choose(page: Any, field: str, value: str) -> list[str]:
    """Choose from a menu that is filled anew at some moment; gives all that it has then."""
    offered: list[str] = []
    for _ in range(40):
        page.click(f"#{field} input")
        found = page.locator("[role=option]").all_inner_texts()
        offered = [each.lstrip("✓").strip() for each in found]
        if value in offered:
            page.click(f"[role=option]:has-text('{value}')")
            return offered
        page.keyboard.press("Escape")
        page.locator(f"#{field} input").blur()
        page.wait_for_timeout(500)
    raise AssertionError(f"{value} is not in {offered}")


def test_what_one_offers_is_asked_for_again_when_it_is_loaded_anew(
    page: Any, studio: RunningStudio
) -> None:
    """As an author sees it who saves a file."""
    for name in ("First", "Second"):
        code = f"""
from webui.hooks.specs import hookimpl

@hookimpl
def schedules():
    return {{"{name}": "A schedule."}}
"""
        write_extension(studio.data_dir / "extensions", "moving", studio=code)
        _use(page, "moving", True)
        offered = _choose(page, "txt2img-schedule", f"moving/{name}")
        assert [each for each in offered if "moving/" in each] == [f"moving/{name}"]
    _use(page, "moving", False)
    page.wait_for_function(f"{SAVED}.schedule === 'Automatic'")


def test_an_open_tab_shows_what_was_saved_in_any_of_its_modules(
    page: Any, studio: RunningStudio
) -> None:
    """As an author sees it, who stays where he was."""
    code = """
from webui.contracts.page import PageTab
from webui.hooks.specs import hookimpl

@hookimpl
def tabs():
    return [PageTab("desk", "Desk", "tab.js")]
"""
    static = write_extension(studio.data_dir / "extensions", "desk", studio=code) / "static"
    static.mkdir()
    (static / "tab.js").write_text(
        "import { words } from './words.js';\n"
        "export const mount = (element) => { element.className = 'desk'; element.textContent = words; };\n"
    )
    for words in ("first draft", "second draft"):
        (static / "words.js").write_text(f"export const words = '{words}';\n")
        _use(page, "desk", True)
        if words == "first draft":
            page.click(".ez-nav a[data-tab=desk-desk]")
        page.wait_for_selector(f".desk:has-text('{words}')")
        assert page.evaluate("document.body.dataset.tab") == "desk-desk"
    _use(page, "desk", False)
    page.wait_for_function("document.body.dataset.tab === 'txt2img'")


def test_parameters_that_name_one_that_is_gone_say_so(page: Any) -> None:
    page.evaluate("""async () => (await import('/assets/easel/form.js')).fill('txt2img',
        { prompt: 'a boat', extensions: { gone: { depth: 2 } } })""")
    said = page.locator("#txt2img-extensions [role=alert]")
    said.wait_for()
    assert (
        "The extension gone takes part in these parameters and is not in use." in said.inner_text()
    )
    page.click("#txt2img-generate")
    page.wait_for_selector(".ez-notice:has-text('extensions.gone is asked for')")
    said.locator("button").click()
    said.wait_for(state="detached")
    _generate(page, 1)


def test_one_is_installed_updated_set_back_and_removed(page: Any, tmp_path: Path) -> None:
    page.expected_faults = [REFUSED]
    theirs = write_extension(tmp_path, "pen", studio=HEARS, title="Pen", permissions=["network"])
    page.click(".ez-nav a[data-tab=extensions]")
    page.fill("input[aria-label='Install from']", str(tmp_path / "nowhere"))
    page.click(".ez-extension-source button")
    page.wait_for_selector("[role=status]:has-text('nothing that an extension can be installed')")
    page.fill("input[aria-label='Install from']", str(theirs))
    page.click(".ez-extension-source button")
    change = page.locator(".ez-extension-change")
    change.get_by_text("speaks with other computers").wait_for()
    assert "Adds 2 files" in change.inner_text()
    change.get_by_role("button", name="Install").click()
    pen = page.locator("[data-key=pen].ez-extension")
    pen.locator(".ez-extension-state:text-is('off')").wait_for()
    change.wait_for(state="detached")
    pen.locator("input[role=switch]").check()
    pen.locator(".ez-extension-state:text-is('in use')").wait_for()
    write_extension(
        tmp_path, "pen", studio=HEARS, title="Pen", version="2.0", permissions=["files"]
    )
    pen.get_by_role("button", name="Look for an update").click()
    change.locator("strong:has-text('reads or writes files')").wait_for()
    assert "no longer network" in change.inner_text()
    change.get_by_role("button", name="Update").click()
    pen.locator(".ez-extension-version:text-is('2.0')").wait_for()
    assert pen.locator(".ez-extension-state:text-is('in use')").count() == 1
    pen.get_by_role("button", name="Look for an update").click()
    page.wait_for_selector("[role=status]:has-text('Pen 2.0 is what')")
    pen.get_by_role("button", name="Set back").click()
    change.get_by_role("button", name="Set back").click()
    pen.locator(".ez-extension-version:text-is('1.0')").wait_for()
    pen.get_by_role("button", name="Remove").click()
    pen.wait_for(state="detached")
    page.click(".ez-toast button:has-text('Take it back')")
    change.get_by_role("button", name="Set back").click()
    pen.locator(".ez-extension-state:text-is('off')").wait_for()


def test_a_script_hears_what_happens_behind_ones_back(page: Any) -> None:
    """The logbook's bell rings in a page that nobody looks at, and in no other."""
    page.evaluate("""() => fetch('/api/v1/extensions/logbook', { method: 'PUT',
        headers: { 'content-type': 'application/json' }, body: '{"enabled": true}' })""")
    page.wait_for_function("""async () => (await import('/assets/easel/extensions/list.js'))
        .extensions().some(({ name, in_use: inUse }) => name === 'logbook' && inUse)""")
    page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });
        window.away = false;
        window.tones = [];
        const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function () { tones.push(this.frequency.value); start.call(this); };
    }""")
    page.fill("#txt2img-prompt textarea", "a boat")
    _generate(page, 1)
    page.wait_for_function("""async () => (await import('/assets/easel/store.js'))
        .all().every(({ state }) => state === 'done')""")  # its picture is there before its end is told
    page.evaluate("window.away = true")
    _generate(page, 2)
    page.wait_for_function("tones.length > 0")
    assert page.evaluate("tones") == [880]
