"""What the page is for eyes, thumbs and screen readers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio, unmoved, watched_page
from tests.browser.painting import drop, open_canvas, photograph, png, until
from tests.browser.test_page import FINISHED, PROMPT, generate

pytestmark = pytest.mark.browser

JS_SUMMARY = (
    "document.getElementById('txt2img-fold-variation').style.setProperty('--ez-said', '\"%s\"')"
)


PHONE: dict[str, Any] = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}


@pytest.fixture
def phone(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """A visit by telephone."""
    with watched_page(browser, shared_studio.address, **PHONE) as tab:
        yield tab


@pytest.fixture(scope="module")
def empty_phone(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """A visit by telephone during which nothing is drawn."""
    with watched_page(browser, shared_studio.address, **PHONE) as tab:
        yield tab


@pytest.fixture
def seen_phone(empty_phone: Any) -> Iterator[Any]:
    """It, for a test that only looks."""
    with unmoved(empty_phone) as tab:
        yield tab


def test_axe_finds_nothing_serious_by_day(page: Any) -> None:
    _is_for_everybody(page)


def test_axe_finds_nothing_serious_in_the_dark(browser: Any, shared_studio: RunningStudio) -> None:
    with watched_page(browser, shared_studio.address, color_scheme="dark") as tab:
        assert tab.evaluate("document.body.classList.contains('dark')")
        _is_for_everybody(tab)


def _is_for_everybody(tab: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = serious(axe, tab)
    generate(tab, "a house for everybody")
    tab.wait_for_selector(FINISHED)
    found += serious(axe, tab)
    tab.keyboard.press("Alt+2")
    tab.click("#img2img-generate")
    tab.wait_for_selector(".ez-notice")
    found += serious(axe, tab)
    tab.keyboard.press("Alt+7")
    tab.click(".ez-tile >> nth=0")
    tab.wait_for_selector(".ez-look pre:not(:empty)")
    found += serious(axe, tab)
    assert found == []


def test_axe_finds_nothing_serious_where_one_paints(page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found: list[str] = []

    def look() -> None:
        """By day and in the dark."""
        for _ in range(2):
            found.extend(serious(axe, page))
            page.evaluate("document.body.classList.toggle('dark')")
            page.evaluate(
                "Promise.allSettled(document.getAnimations().map((one) => one.finished)).then(() => null)"
            )

    for name in ("inpaint", "semantic", "live"):
        open_canvas(page, name)
        if name == "inpaint":
            drop(page, name, png(photograph(128, 128)))
            until(page, name, "desk.ready()")
        page.wait_for_selector(f"#{name}-seed input")
        look()
    page.keyboard.press("?")
    page.wait_for_selector(".ez-canvas-sheet")
    look()
    page.keyboard.press("Escape")
    page.click(".ez-nav a[data-tab=upscale]")
    page.wait_for_selector("#upscale-noise_augmentation", state="visible")
    look()
    assert found == []


def serious(axe: Any, tab: Any) -> list[str]:
    """Rule and element of each finding that keeps somebody from using the page."""
    return [
        f"{finding['id']}: {node['html'][:120]}"
        for finding in axe.run(tab, options={"resultTypes": ["violations"]}).response["violations"]
        if finding["impact"] in ("serious", "critical")
        for node in finding["nodes"]
    ]


def test_on_a_phone_header_help_and_generate_stay_while_the_form_scrolls(seen_phone: Any) -> None:
    seen_phone.evaluate("scrollTo(0, 600)")
    assert seen_phone.evaluate("scrollY") > 0
    assert seen_phone.locator(".ez-header").bounding_box()["y"] == 0
    button = seen_phone.locator("#txt2img-generate").bounding_box()
    assert 700 < button["y"] < 844
    seen_phone.click(".ez-help")
    seen_phone.wait_for_selector("#ez-help")
    seen_phone.keyboard.press("Escape")
    seen_phone.wait_for_selector("#ez-help", state="hidden")


def test_on_a_phone_samples_are_not_in_the_way_of_a_form_for_pictures(seen_phone: Any) -> None:
    seen_phone.wait_for_selector(".ez-welcome:visible")
    for tab in ("img2img", "upscale"):
        seen_phone.click(f".ez-nav a[data-tab={tab}]")
        seen_phone.wait_for_selector(f"#{tab}-image .ez-well label:visible")
        assert seen_phone.locator(f"#{tab}-image").bounding_box()["y"] < 200


def test_an_empty_stage_says_what_comes_there(seen: Any) -> None:
    said = "getComputedStyle(document.querySelector('.ez-welcome'), '::after').content"
    expected = (
        ("live", "follows here"), ("semantic", "then press Generate"),
        ("img2img", "Choose a picture"), ("upscale", "Choose a picture"),
    )  # fmt: skip
    for tab, words in expected:
        seen.click(f".ez-nav a[data-tab={tab}]")
        seen.wait_for_function(f"{said}.includes('{words}')")


def test_what_is_no_value_has_the_colour_of_hints(seen: Any) -> None:
    hint = seen.evaluate("""() => {
        const probe = document.body.appendChild(document.createElement('i'));
        probe.style.color = 'var(--ez-hint)';
        return getComputedStyle(probe).color;
    }""")
    for tab in ("txt2img", "img2img", "upscale", "models", "extensions", "settings"):
        seen.click(f".ez-nav a[data-tab={tab}]")
        seen.wait_for_selector(":is(input, textarea)[placeholder]:not([placeholder='']):visible")
        colours = seen.evaluate("""() => [...document.querySelectorAll(':is(input, textarea)[placeholder]')]
            .filter((field) => field.placeholder && field.checkVisibility())
            .map((field) => getComputedStyle(field, '::placeholder').color)""")
        assert set(colours) == {hint}, tab


def test_on_a_phone_generate_brings_the_stage_into_sight(phone: Any) -> None:
    phone.fill(PROMPT, "seen at once")
    phone.evaluate("scrollTo(0, 600)")
    phone.click("#txt2img-generate")
    phone.wait_for_selector(FINISHED)
    phone.wait_for_function("scrollY === 0")
    stage = phone.locator(".ez-picture").bounding_box()
    assert stage["y"] >= 48
    assert stage["y"] + stage["height"] < 844


@pytest.mark.parametrize("tab", ["txt2img", "img2img", "gallery"])
def test_no_tab_is_wider_than_a_phone(seen_phone: Any, tab: str) -> None:
    seen_phone.click(f".ez-nav a[data-tab={tab}]")
    assert seen_phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    clipped = "[...document.querySelectorAll('.ez-header > *')].map((e) => e.getBoundingClientRect().right)"
    assert max(seen_phone.evaluate(clipped)) <= 390


def test_a_long_summary_of_a_folded_group_widens_nothing(seen_phone: Any) -> None:
    said = JS_SUMMARY % " and more".join([""] * 40)
    seen_phone.evaluate(said)
    rights = "[...document.querySelectorAll('#ez-tab-txt2img .ez-control')].map((e) => e.getBoundingClientRect().right)"
    found = max(seen_phone.evaluate(rights))
    seen_phone.evaluate(JS_SUMMARY % "")
    assert found <= 390


ACTION_ENDS = (
    "[...document.querySelectorAll('.ez-actions > *')].map((e) => e.getBoundingClientRect().right)"
)


def test_every_action_of_a_picture_is_in_sight_where_the_stage_is_narrow(phone: Any) -> None:
    generate(phone, "with all its actions", steps=2)
    phone.wait_for_selector(FINISHED)
    found = phone.evaluate(ACTION_ENDS)
    assert len(found) == 9
    assert max(found) <= 390
    assert phone.locator(".ez-said").is_hidden()  # there is no room for it
    phone.click(".ez-nav a[data-tab=gallery]")
    phone.tap(".ez-tile >> nth=0")
    phone.click(".ez-look-close")  # which nothing lies over
    phone.wait_for_selector(".ez-look", state="detached")


@pytest.fixture(scope="module")
def drawn_page(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """A page with a finished picture on its stage."""
    with watched_page(browser, shared_studio.address) as tab:
        generate(tab, "with all its actions", steps=2)
        tab.wait_for_selector(FINISHED)
        tab.wait_for_selector(".ez-said:has-text('Seed ')", state="attached")
        yield tab


@pytest.mark.parametrize("width", [1440, 1280, 1024, 800])
def test_every_action_of_a_picture_is_in_sight_beside_a_form(drawn_page: Any, width: int) -> None:
    drawn_page.set_viewport_size({"width": width, "height": 900})
    drawn_page.wait_for_function(f"innerWidth === {width}")
    drawn_page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    found = drawn_page.evaluate(ACTION_ENDS)
    assert len(found) == 9
    assert max(found) <= width


def test_menus_of_the_library_say_what_they_are_about_on_a_phone(seen_phone: Any) -> None:
    seen_phone.click(".ez-nav a[data-tab=models]")
    seen_phone.wait_for_selector(".ez-library-card")
    widths = "[...document.querySelectorAll('.ez-library-bar > select')].map((e) => e.clientWidth)"
    assert min(seen_phone.evaluate(widths)) >= 80


def test_what_a_canvas_has_no_use_for_leaves_no_gap(seen: Any) -> None:
    seen.click(".ez-nav a[data-tab=live]")
    for name in ("drivers", "regions", "region_base", "region_attention"):
        seen.wait_for_selector(f"#live-{name}", state="hidden")
    strength, shapes = (seen.locator(f"#live-{name}").bounding_box() for name in ("denoising_strength", "shapes"))  # fmt: skip
    assert shapes["y"] - (strength["y"] + strength["height"]) <= 16


SHOWN = """() => {
  window.shown = [];
  const look = () => shown.push([document.title, document.querySelector('.ez-detail')?.textContent ?? '', document.querySelector('.ez-picture')?.alt ?? '']);
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
"""Writes down what the page shows meanwhile: on a busy machine it may be gone before anybody else looks."""


def test_a_preview_says_which_of_several_pictures_it_shows(page: Any) -> None:
    page.evaluate(SHOWN)
    generate(page, "three in a row", count=3, steps=60)
    page.wait_for_function("shown.some(([, detail]) => detail.startsWith('picture 2 of 3'))")
    page.wait_for_function(
        "shown.some(([, , alt]) => alt.startsWith('Preview of picture 3 of 3: three'))"
    )


def test_the_title_counts_the_pictures_of_what_is_going_on(page: Any) -> None:
    page.evaluate(SHOWN)
    generate(page, "counted", count=4, steps=60)
    page.wait_for_function("shown.some(([title]) => title === '(2/4) Easel')")
    page.wait_for_function("document.title === 'Easel'")


def test_without_a_model_the_stage_says_what_to_type(page: Any) -> None:
    page.route("**/api/v1/models", lambda route: route.fulfill(json=[]))
    page.reload()
    page.wait_for_selector(".ez-notice code")
    assert page.inner_text(".ez-notice code") == "python launch.py train starter"


def test_several_results_stand_as_close_in_both_directions(page: Any) -> None:
    generate(page, "four side by side", count=4, steps=2)
    page.wait_for_selector(".ez-grid button:nth-child(4)")
    first, right, below = (
        page.locator(f".ez-grid button:nth-child({place})").bounding_box() for place in (1, 2, 3)
    )
    assert right["x"] - first["x"] - first["width"] == pytest.approx(12, abs=1)
    assert below["y"] - first["y"] - first["height"] == pytest.approx(12, abs=1)


def test_fields_beside_one_another_stand_on_one_line(seen: Any) -> None:
    seen.click(".ez-nav a[data-tab=inpaint]")
    seen.wait_for_selector("#inpaint-mask_blur_y input")
    boxes: dict[str, dict[str, float]] = {}
    for name in ("inpaint_area", "masked_padding", "mask_blur", "mask_blur_y"):
        shown = seen.locator(f"#inpaint-{name}")
        field = shown.locator(".wrap:has(input[role])" if name == "inpaint_area" else "input")
        boxes[name] = field.first.bounding_box()
    for left, right in (("inpaint_area", "masked_padding"), ("mask_blur", "mask_blur_y")):
        assert abs(boxes[left]["y"] - boxes[right]["y"]) < 1.5
        assert abs(boxes[left]["height"] - boxes[right]["height"]) < 1.5


def test_the_tools_of_the_canvas_stand_in_one_row(seen: Any) -> None:
    seen.click(".ez-nav a[data-tab=inpaint]")
    seen.wait_for_selector("#inpaint-canvas .ez-canvas-bar")
    rows = "[...document.querySelectorAll('#inpaint-canvas .ez-canvas-group')].map((e) => e.getBoundingClientRect().top)"
    seen.wait_for_function(f"new Set({rows}).size === 1")


def test_what_the_model_suggests_is_not_marked_as_changed(
    browser: Any, shared_studio: RunningStudio
) -> None:
    with watched_page(browser, shared_studio.address) as tab:
        tab.route(
            "**/api/v1/models",
            lambda route: route.fulfill(json=[
                {**model, "defaults": {"steps": 33}} for model in route.fetch().json()
            ]),
        )  # fmt: skip
        tab.reload()
        tab.wait_for_selector("#txt2img-steps.ez-changed")  # 20 is not what this model wants
        tab.click("#txt2img-steps .ez-reset")
        tab.wait_for_selector("#txt2img-steps:not(.ez-changed)")
        assert tab.input_value("#txt2img-steps input[type=number]") == "33"
        tab.click(".ez-nav a[data-tab=live]")
        tab.wait_for_selector("#live-denoising_strength .ez-reset", state="attached")
        tab.wait_for_selector("#live-denoising_strength:not(.ez-changed)")
