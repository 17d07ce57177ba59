"""The settings tab: saved at once, marked, reset, found by words; the browser's own are obeyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import RunningStudio, holding, visit, watched_page
from tests.browser.test_looks import serious

pytestmark = pytest.mark.browser

QUALITY, NAMES = "#setting-picture_quality", "#setting-file_name_pattern"


@pytest.fixture
def settings(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    with watched_page(browser, shared_studio.address) as tab:
        opened(tab)
        yield tab


@pytest.fixture
def kept_settings(seen: Any) -> Any:
    """The one page of the tests that leave every setting as it was, with the settings in sight."""
    opened(seen)
    return seen


def opened(tab: Any) -> None:
    tab.click(".ez-nav a[data-tab=settings]")
    tab.wait_for_selector(QUALITY)


def set_field(tab: Any, row: str, value: str) -> None:
    tab.fill(f"{row} input", value)
    tab.press(f"{row} input", "Tab")


def test_a_setting_is_saved_at_once_marked_and_reset(kept_settings: Any) -> None:
    assert kept_settings.locator(f"{QUALITY} .ez-reset").is_hidden()
    set_field(kept_settings, QUALITY, "80")
    expect(kept_settings.locator(f"{QUALITY} .ez-setting-said")).to_have_text("Saved. It holds from the next picture on.")  # fmt: skip
    kept_settings.reload()
    kept_settings.wait_for_selector(f"{QUALITY}.ez-changed")
    assert kept_settings.input_value(f"{QUALITY} input") == "80"
    kept_settings.click(f"{QUALITY} .ez-reset")
    kept_settings.wait_for_selector(f"{QUALITY}:not(.ez-changed)")
    assert kept_settings.input_value(f"{QUALITY} input") == "92"


def test_what_cannot_be_is_said_and_stays_to_be_mended(kept_settings: Any) -> None:
    kept_settings.expected_faults = [
        "Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"
    ]
    set_field(kept_settings, NAMES, "[moon]")
    said = kept_settings.wait_for_selector(f"{NAMES} .ez-setting-said[data-kind=bad]").inner_text()
    assert said.startswith("file_name_pattern is '[moon]', expected none but [date]")
    assert kept_settings.input_value(f"{NAMES} input") == "[moon]"
    kept_settings.reload()
    kept_settings.wait_for_selector(NAMES)
    assert kept_settings.input_value(f"{NAMES} input") == "[date]/[time]-[source]-[seed]-[id]"


def test_what_is_being_typed_stays_when_the_settings_are_read_again(kept_settings: Any) -> None:
    with (
        kept_settings.expect_response("**/api/v1/settings"),
        holding(kept_settings, "**/api/v1/settings"),
    ):
        kept_settings.evaluate(
            "document.dispatchEvent(new CustomEvent('easel:tab', { detail: { tab: 'settings' } }))"
        )
        kept_settings.fill(f"{NAMES} input", "[seed]-[id]")
    kept_settings.wait_for_timeout(200)
    assert kept_settings.input_value(f"{NAMES} input") == "[seed]-[id]"
    kept_settings.press(f"{NAMES} input", "Tab")
    kept_settings.wait_for_selector(f"{NAMES}.ez-changed")
    kept_settings.click(f"{NAMES} .ez-reset")
    kept_settings.wait_for_selector(f"{NAMES}:not(.ez-changed)")
    assert kept_settings.input_value(f"{NAMES} input") == "[date]/[time]-[source]-[seed]-[id]"


def test_what_is_being_typed_stays_when_another_setting_is_saved(kept_settings: Any) -> None:
    with holding(kept_settings, "**/api/v1/settings/picture_quality") as held:
        set_field(kept_settings, QUALITY, "81")
        kept_settings.fill(f"{NAMES} input", "[id]")  # beside it, before the answer comes
        while not held:
            kept_settings.wait_for_timeout(20)
    kept_settings.wait_for_selector(f"{QUALITY}.ez-changed")
    assert kept_settings.input_value(f"{NAMES} input") == "[id]"
    assert kept_settings.evaluate("document.activeElement.id") == "setting-file_name_pattern-input"
    kept_settings.press(f"{NAMES} input", "Tab")
    kept_settings.wait_for_selector(f"{NAMES}.ez-changed")
    for row in (QUALITY, NAMES):
        kept_settings.click(f"{row} .ez-reset")
        kept_settings.wait_for_selector(f"{row}:not(.ez-changed)")


def test_settings_are_found_by_their_words(kept_settings: Any) -> None:
    kept_settings.fill("input[aria-label='Find a setting']", "preview interval")
    assert kept_settings.locator(".ez-setting:visible").count() == 1
    assert kept_settings.is_visible("#setting-preview_seconds")
    kept_settings.fill("input[aria-label='Find a setting']", "moonshine")
    assert "moonshine" in kept_settings.inner_text(".ez-setting-none")
    kept_settings.fill("input[aria-label='Find a setting']", "")
    assert kept_settings.locator(".ez-setting-section:visible").count() == 6


def test_theme_and_first_tab_are_the_browsers(settings: Any, shared_studio: RunningStudio) -> None:
    settings.select_option("#setting-theme select", "Dark")
    settings.wait_for_selector("body.dark")
    settings.select_option("#setting-start_tab select", "gallery")
    settings.goto(shared_studio.address)
    settings.wait_for_selector("body.dark[data-tab=gallery]")
    settings.goto(shared_studio.address + "/?tab=upscale")
    settings.wait_for_selector("body[data-tab=upscale]")
    settings.click(".ez-theme")  # what comes after dark
    assert not settings.evaluate("document.body.classList.contains('dark')")


TOLD = """window.told = []; window.Notification = class { static permission = 'granted';
  constructor(title, { body }) { told.push(body); } }"""


def test_one_is_told_of_pictures_that_nobody_saw_finish(
    browser: Any, shared_studio: RunningStudio
) -> None:
    with watched_page(browser, shared_studio.address, first=TOLD) as page:
        opened(page)
        page.check("#setting-notify input")
        visit(page, shared_studio.address)
        page.evaluate(
            "Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })"
        )
        page.fill("#txt2img-prompt textarea", "while nobody looks")
        page.click("#txt2img-generate")
        page.wait_for_function("told.length === 1")
        assert page.evaluate("told") == ["1 picture is done."]


def test_forms_begin_anew(settings: Any) -> None:
    settings.click(".ez-nav a[data-tab=txt2img]")
    settings.fill("#txt2img-prompt textarea", "to be forgotten")
    settings.wait_for_function("localStorage.getItem('easel.form.txt2img').includes('forgotten')")
    settings.click(".ez-nav a[data-tab=settings]")
    with settings.expect_navigation():
        settings.click(".ez-setting-act")
    settings.wait_for_selector(QUALITY)
    settings.click(".ez-nav a[data-tab=txt2img]")
    settings.wait_for_selector("#txt2img-generate")
    assert settings.input_value("#txt2img-prompt textarea") == ""


def test_where_others_reach_the_studio_the_settings_only_show(browser: Any, settings: Any) -> None:
    settings.route(
        "**/api/v1/settings",
        lambda route: route.fulfill(json={**route.fetch().json(), "refusal": "Others may reach it.", "facts": []}),
    )  # fmt: skip
    settings.reload()
    settings.wait_for_selector(".ez-setting-refusal:has-text('Others may reach it.')")
    assert settings.is_disabled(f"{QUALITY} input")
    assert settings.is_enabled("#setting-theme select")
    assert settings.locator("[data-section='This start']").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_they_fit_a_phone_and_axe_finds_nothing_serious(
    browser: Any, shared_studio: RunningStudio, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with watched_page(browser, shared_studio.address, 390, 844, color_scheme=scheme) as phone:
        opened(phone)
        assert phone.evaluate("document.documentElement.scrollWidth") == 390
        rights = "[...document.querySelectorAll('.ez-settings *')].map((e) => e.getBoundingClientRect().right)"
        assert max(phone.evaluate(rights)) <= 390
        assert serious(axe, phone) == []


def test_the_files_follow_the_settings(
    browser: Any, own_studio: RunningStudio, tmp_path: Path
) -> None:
    with watched_page(browser, own_studio.address) as tab:
        opened(tab)
        tab.select_option("#setting-picture_format select", "JPEG")
        tab.wait_for_selector("#setting-picture_format.ez-changed")
        set_field(tab, NAMES, "[prompt_words]")
        tab.wait_for_selector(f"{NAMES}.ez-changed")
        tab.click(".ez-nav a[data-tab=txt2img]")
        tab.fill("#txt2img-prompt textarea", "a file of its own")
        tab.click("#txt2img-generate")
        tab.wait_for_selector(".ez-strip .ez-item:not(.ez-item-job)")
    assert (tmp_path / "outputs" / "a-file-of-its-own.jpg").exists()
