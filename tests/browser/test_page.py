"""The page, used as a person uses it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import RunningStudio, holding, unfold, visit

pytestmark = pytest.mark.browser

PROMPT = "#txt2img-prompt textarea"
NEGATIVE = "#txt2img-negative_prompt textarea"
STEPS = "#txt2img-steps input[type=number]"
COUNT = "#txt2img-count input[type=number]"
SEED = "#txt2img-seed input"
FINISHED = ".ez-strip .ez-item:not(.ez-item-job)"


def generate(page: Any, prompt: str, count: int = 1, steps: int = 20) -> None:
    page.fill(PROMPT, prompt)
    set_number(page, COUNT, count)
    set_number(page, STEPS, steps)
    page.click("#txt2img-generate")


def set_number(page: Any, selector: str, value: int) -> None:
    page.fill(selector, str(value))
    page.press(selector, "Tab")


def test_a_prompt_becomes_a_picture_with_a_preview_on_the_way(page: Any) -> None:
    generate(page, "a red house", steps=60)
    page.wait_for_function(
        "document.querySelector('.ez-picture')?.src.startsWith('data:image/webp')"
        " && document.querySelector('.ez-said').textContent.includes('Step')"
    )
    page.wait_for_selector(".ez-picture[src^='/api/v1/pictures/']")
    page.wait_for_function("document.querySelector('.ez-said').textContent.startsWith('Seed ')")


def test_a_folded_group_says_what_in_it_is_changed(page: Any) -> None:
    said = "getComputedStyle(document.querySelector('#txt2img-fold-variation > button > span'), '::after').content"
    assert page.evaluate(said) in ('""', "none")
    unfold(page, "txt2img-fold-variation")
    page.fill("#txt2img-eta_noise_seed_delta input", "31")
    page.press("#txt2img-eta_noise_seed_delta input", "Tab")
    page.click("#txt2img-fold-variation > button")
    page.wait_for_function(f"{said} === '\": eta noise seed delta 31\"'")


def test_what_is_typed_before_the_kept_values_come_stays(page: Any) -> None:
    page.fill(NEGATIVE, "rain")
    page.fill(PROMPT, "an old prompt")
    page.wait_for_function("localStorage.getItem('easel.form.txt2img')?.includes('an old prompt')")
    with holding(page, "**/gradio_api/run/predict"):
        with page.expect_request("**/gradio_api/run/predict"):
            page.reload()
        page.wait_for_selector("#txt2img-generate")
        page.fill(PROMPT, "a new prompt")
        set_number(page, STEPS, 7)
        assert page.input_value(NEGATIVE) == ""
    page.wait_for_function(f"document.querySelector('{NEGATIVE}').value === 'rain'")
    page.wait_for_function("localStorage.getItem('easel.form.txt2img').includes('a new prompt')")
    assert (page.input_value(PROMPT), page.input_value(STEPS)) == ("a new prompt", "7")


def test_a_sample_fills_the_form_and_starts(page: Any) -> None:
    wanted = page.inner_text(".ez-sample >> nth=0")
    page.click(".ez-sample >> nth=0")
    said = page.wait_for_selector(".ez-said:has-text('Seed ')")
    assert page.input_value(PROMPT) == wanted
    assert said.inner_text() == f"Seed {page.input_value(SEED)}"


def test_a_reload_in_mid_job_finds_the_job_and_the_form(page: Any) -> None:
    generate(page, "a long job", count=20, steps=60)
    page.fill(NEGATIVE, "rain")
    page.wait_for_selector(".ez-item-job")
    page.reload()
    page.wait_for_function("document.querySelector('.ez-said')?.textContent.startsWith('Step')")
    page.wait_for_function(f"document.querySelector('{PROMPT}').value === 'a long job'")
    assert page.input_value(NEGATIVE) == "rain"
    assert page.input_value(STEPS) == "60"
    page.wait_for_function(f"document.querySelectorAll('{FINISHED}').length >= 8", timeout=40_000)
    page.click("#txt2img-cancel")
    page.wait_for_selector(".ez-item-job", state="detached")
    [job] = page.evaluate("fetch('/api/v1/jobs?limit=1').then((answer) => answer.json())")
    assert page.locator(FINISHED).count() == len(job["pictures"])


def test_cancel_stops_that_job_only(page: Any) -> None:
    generate(page, "first", count=20, steps=60)
    page.wait_for_selector(".ez-item-job")
    generate(page, "second", count=1, steps=60)
    page.wait_for_function("document.querySelectorAll('.ez-item-job').length === 2")
    page.click(".ez-item-job >> nth=1")
    page.click("#txt2img-cancel")
    page.wait_for_function("document.querySelectorAll('.ez-item-job').length === 0")
    jobs = page.evaluate("fetch('/api/v1/jobs?limit=2').then((answer) => answer.json())")
    assert [(job["request"]["prompt"], job["state"]) for job in jobs] == [
        ("second", "done"),
        ("first", "cancelled"),
    ]


def test_ctrl_enter_generates_and_escape_cancels(page: Any) -> None:
    page.fill(PROMPT, "by keyboard")
    set_number(page, COUNT, 16)
    set_number(page, STEPS, 60)
    page.focus(PROMPT)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".ez-item-job")
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelectorAll('.ez-item-job').length === 0")
    assert page.evaluate("fetch('/api/v1/jobs?limit=1').then((a) => a.json())")[0]["state"] == (
        "cancelled"
    )


def test_a_refusal_is_a_card_and_the_form_stays(page: Any) -> None:
    page.click(".ez-nav a[data-tab=img2img]")
    page.fill("#img2img-prompt textarea", "no image yet")
    page.click("#img2img-generate")
    page.wait_for_selector(".ez-notice")
    assert "start image is missing" in page.inner_text(".ez-notice")
    assert page.input_value("#img2img-prompt textarea") == "no image yet"
    page.click(".ez-nav a[data-tab=txt2img]")  # whose form lacks nothing
    page.wait_for_selector(".ez-welcome")
    page.click(".ez-nav a[data-tab=img2img]")
    page.click(".ez-notice button:has-text('Dismiss')")
    page.wait_for_selector(".ez-welcome")


def test_a_picture_that_is_chosen_takes_the_place_of_a_refusal(page: Any) -> None:
    generate(page, "to look at")
    page.wait_for_selector(FINISHED)
    page.click(".ez-nav a[data-tab=img2img]")
    page.click("#img2img-generate")
    page.wait_for_selector(".ez-notice")
    page.click(FINISHED)
    page.wait_for_selector(".ez-notice", state="detached")
    page.wait_for_selector(".ez-picture:visible")


def test_an_uploaded_image_becomes_a_start_image_by_address(page: Any) -> None:
    data = io.BytesIO()
    Image.new("RGB", (96, 64), "navy").save(data, "PNG")
    page.click(".ez-nav a[data-tab=img2img]")
    upload = {"name": "a.png", "mimeType": "image/png", "buffer": data.getvalue()}
    page.set_input_files("#img2img-image input[type=file]", upload)
    page.wait_for_selector("#img2img-image img[src^='/api/v1/images/']")
    page.fill("#img2img-prompt textarea", "at night")
    page.click("#img2img-generate")
    page.wait_for_selector(FINISHED)
    made = page.evaluate("fetch('/api/v1/jobs?limit=1').then((a) => a.json())")[0]["request"]
    assert made["image"] is not None
    assert made["width"] > made["height"]


def test_what_fills_a_form_that_is_still_coming_is_not_lost(page: Any) -> None:
    page.evaluate("""async () => {
      const { fill } = await import('/assets/easel/form.js');
      document.querySelector('.ez-nav a[data-tab=img2img]').click();
      while (!document.querySelector('#img2img-steps .ez-reset')) await new Promise(requestAnimationFrame);
      fill('img2img', { prompt: 'early words' });
    }""")
    page.wait_for_function(
        "document.querySelector('#img2img-prompt textarea').value === 'early words'"
    )
    # Changes are kept only once what was kept has arrived.
    page.wait_for_function("localStorage.getItem('easel.form.img2img')?.includes('early words')")
    assert page.input_value("#img2img-prompt textarea") == "early words"


def test_a_file_that_is_no_picture_gets_a_sentence(page: Any) -> None:
    page.expected_faults = [
        "Failed to load resource: the server responded with a status of 400 (Bad Request)"
    ]
    page.click(".ez-nav a[data-tab=img2img]")
    upload = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.set_input_files("#img2img-image input[type=file]", upload)
    page.wait_for_selector(".ez-well-said:not(:empty)")


def test_a_result_goes_to_img2img_with_its_words(page: Any) -> None:
    generate(page, "a house to redraw")
    page.wait_for_selector(FINISHED)
    page.click(".ez-actions button[title='To img2img']")
    page.wait_for_selector("#img2img-image img[src^='/api/v1/images/']")
    page.wait_for_function(
        "document.querySelector('#img2img-prompt textarea').value === 'a house to redraw'"
    )
    assert page.url.endswith("?tab=img2img")


def test_a_seed_can_be_reused_and_thrown_again(page: Any) -> None:
    generate(page, "a seed to keep")
    page.wait_for_selector(FINISHED)
    # The picture comes before its job ends, and its seed is said then.
    said = page.wait_for_selector(".ez-said:has-text('Seed ')")
    seed = said.inner_text().removeprefix("Seed ")
    kept = "JSON.parse(localStorage.getItem('easel.form.txt2img')).seed"
    page.click("#txt2img-seed-recycle")
    page.wait_for_function(f"document.querySelector('{SEED}').value === '{seed}'")
    page.wait_for_function(f"{kept} === {seed}")
    page.click("#txt2img-seed-dice")
    page.wait_for_function(f"document.querySelector('{SEED}').value === '-1'")
    page.wait_for_function(f"{kept} === -1")


def test_a_deleted_picture_can_be_brought_back(page: Any) -> None:
    generate(page, "a picture to lose")
    page.wait_for_selector(FINISHED)
    page.click(".ez-actions button[title='Delete']")
    page.wait_for_selector(FINISHED, state="detached")
    page.click(".ez-toast button")
    page.wait_for_selector(FINISHED)


def test_each_kind_of_control_is_read_as_soon_as_it_is_used(page: Any) -> None:
    """What is kept is what the form holds: a slider, a number, a menu by mouse and by keys, a field of our own."""
    kept = "JSON.parse(localStorage.getItem('easel.form.txt2img') ?? '{}')"
    page.wait_for_function(f"{kept}.steps === 20")
    page.focus("#txt2img-steps input[type=range]")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{kept}.steps === 21")
    page.focus(COUNT)
    page.keyboard.press("ArrowUp")
    page.wait_for_function(f"{kept}.count === 2")
    page.click("#txt2img-priority input")
    page.click("[role=option]:has-text('Background')")
    page.wait_for_function(f"{kept}.priority === 'Low'")
    page.click("#txt2img-priority input")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_function(f"{kept}.priority !== 'Low'")
    page.fill("#txt2img-width input", "160")
    page.press("#txt2img-width input", "Tab")
    page.wait_for_function(f"{kept}.width === 160")


def test_a_changed_value_carries_a_dot_that_brings_the_default_back(page: Any) -> None:
    set_number(page, STEPS, 33)
    page.wait_for_selector("#txt2img-steps.ez-changed")
    page.click("#txt2img-steps .ez-reset")
    page.wait_for_function(f"document.querySelector('{STEPS}').value === '20'")
    page.wait_for_selector("#txt2img-steps:not(.ez-changed)")


def test_an_aspect_sets_a_size_that_the_model_can_draw(page: Any) -> None:
    page.click("#txt2img-shapes button[aria-label='Aspect 3 to 2']")
    page.wait_for_function("document.querySelector('#txt2img-width input').value === '160'")
    page.wait_for_function("document.querySelector('#txt2img-height input').value === '104'")
    page.fill("#txt2img-width input", "131")
    page.press("#txt2img-width input", "Tab")
    page.wait_for_function("document.querySelector('#txt2img-width input').value === '128'")


ORDER_WITH_MASK = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
  const { id } = await (await fetch('/api/v1/images', { method: 'POST', body: bytes })).json();
  const order = { prompt: 'by a program', image: id, mask: id, steps: 1000, width: 64, height: 64 };
  const options = { method: 'POST', body: JSON.stringify(order), headers: { 'content-type': 'application/json' } };
  const job = await (await fetch('/api/v1/jobs', options)).json();
  localStorage.setItem('easel.jobs', JSON.stringify([job.id]));
  return id;
}"""


def test_a_programs_job_is_started_again_in_the_tab_that_can_hold_it(page: Any) -> None:
    file = io.BytesIO()
    Image.new("L", (64, 64), 255).save(file, "PNG")
    image = page.evaluate(ORDER_WITH_MASK, base64.b64encode(file.getvalue()).decode())
    page.reload()
    page.wait_for_selector(".ez-item-job")
    page.click("#txt2img-cancel")
    page.click(".ez-notice button:has-text('Start again')")
    page.wait_for_selector(".ez-item-job")
    newest = "fetch('/api/v1/jobs?limit=1').then((answer) => answer.json())"
    page.wait_for_function(f"{newest}.then(([job]) => job.state === 'running')")
    [job] = page.evaluate(newest)
    assert page.url.endswith("?tab=inpaint")
    assert job["request"]["mask"] == image
    page.click("#inpaint-cancel")


def test_the_queue_drawer_cancels_any_job(page: Any) -> None:
    generate(page, "in the drawer", count=20, steps=60)
    page.wait_for_selector(".ez-item-job")
    page.click(".ez-queue")
    page.click(".ez-row button[title='Cancel']")
    page.wait_for_selector(".ez-drawer-empty:not([hidden])")


def test_the_queue_is_paused_and_goes_on(page: Any) -> None:
    page.click(".ez-queue")
    page.click(".ez-drawer-pause:has-text('Pause')")
    page.wait_for_selector(".ez-drawer-paused:visible")
    page.keyboard.press("Escape")
    generate(page, "not yet", steps=2)
    page.wait_for_selector(".ez-words:has-text('The queue is paused')")
    page.reload()
    page.wait_for_selector(".ez-words:has-text('The queue is paused')")
    page.wait_for_selector(".ez-queue[title='0 running, 1 waiting, paused']")
    page.click(".ez-queue")
    page.click(".ez-drawer-pause:has-text('Resume')")
    page.wait_for_selector(".ez-drawer-paused", state="hidden")
    page.wait_for_selector(FINISHED)


def test_every_shortcut_in_the_help_has_its_handler(page: Any) -> None:
    page.keyboard.press("?")
    shown = page.locator("#ez-help dd").all_inner_texts()
    table = page.evaluate(
        "import('/assets/easel/shortcuts.js').then((m) => m.SHORTCUTS.map((s) => [s.title, typeof s.act]))"
    )
    assert shown == [title for title, _ in table]
    assert {kind for _, kind in table} == {"function"}


@pytest.fixture(scope="module")
def dark_visit(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """A visit by somebody whose system is dark, with all that the page asked for until it stood still."""
    context = browser.new_context(color_scheme="dark")
    tab = context.new_page()
    tab.asked = []
    tab.on("request", lambda request: tab.asked.append(request.url))
    visit(tab, shared_studio.address)
    tab.wait_for_function(
        "() => { const count = performance.getEntriesByType('resource').length;"
        " const still = window.counted === count; window.counted = count; return still; }",
        polling=300,
    )
    yield tab
    context.close()


def test_nothing_is_asked_of_other_machines(dark_visit: Any, shared_studio: RunningStudio) -> None:
    own = (shared_studio.address, "data:", "blob:")
    assert dark_visit.asked
    assert [url for url in dark_visit.asked if not url.startswith(own)] == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits_its_window(
    one_page: Any, dark_visit: Any, width: int, height: int, theme: str
) -> None:
    tab = dark_visit if theme == "dark" else one_page
    tab.set_viewport_size({"width": width, "height": height})
    box = tab.locator("#txt2img-generate").bounding_box()
    sideways = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
    dark = tab.evaluate("document.body.classList.contains('dark')")
    tab.set_viewport_size({"width": 1440, "height": 900})
    assert box["y"] + box["height"] <= height
    assert sideways <= 0
    assert dark == (theme == "dark")


def test_a_killed_studio_comes_back_to_the_open_page_whose_scripts_are_its_own(
    page: Any, own_studio: RunningStudio
) -> None:
    """The tab showed another studio before: Chromium keeps compiled strings of script for all pages of a process."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, own_studio.address)
    own = (own_studio.address, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    generate(page, "through a restart", count=10, steps=60)
    page.wait_for_selector(".ez-item-job")
    own_studio.kill()
    page.wait_for_selector(".ez-worker[data-state=away]")
    own_studio.start()
    page.wait_for_function(f"document.querySelectorAll('{FINISHED}').length === 10", timeout=30_000)
    assert page.input_value(PROMPT) == "through a restart"
    page.faults.clear()  # that there was none for a while
