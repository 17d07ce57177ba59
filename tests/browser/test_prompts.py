"""The prompt boxes: counts, marks, names to choose from, weights by keyboard, styles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio, watched_page
from tests.browser.painting import until_request
from tests.browser.test_page import NEGATIVE, PROMPT

pytestmark = pytest.mark.browser

COUNT = "#txt2img-prompt .ez-count"
NOTES = "#txt2img-prompt .ez-reading"
OPTION = ".ez-complete-item"


@pytest.fixture(scope="module")
def page(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """One page for all tests here: each writes its own prompt."""
    with watched_page(browser, shared_studio.address) as tab:
        yield tab


@pytest.fixture(autouse=True)
def colours(shared_studio: RunningStudio) -> Iterator[Path]:
    """A wildcard that every test here may name."""
    file = shared_studio.data_dir / "wildcards" / "warm" / "colour.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("red\n")
    yield file
    file.unlink()


def test_tokens_are_counted_while_one_writes(page: Any) -> None:
    page.fill(PROMPT, "a red house")
    page.wait_for_selector(f"{COUNT}:text-is('3/75')")
    page.fill(PROMPT, "a red house BREAK at night # not counted")
    page.wait_for_selector(f"{COUNT}:text-is('77/150')")
    page.fill(NEGATIVE, "night")
    page.wait_for_selector("#txt2img-negative_prompt .ez-count:text-is('1/75')")


def test_a_kept_prompt_is_counted_however_late_its_script_comes(
    browser: Any, shared_studio: RunningStudio
) -> None:
    with watched_page(browser, shared_studio.address) as page:
        page.fill(PROMPT, "a red house")
        page.wait_for_selector(f"{COUNT}:text-is('3/75')")

        def late(route: Any) -> None:
            page.wait_for_function(
                "import('/assets/easel/form.js').then((m) => m.values('txt2img').prompt === 'a red house')"
            )
            route.continue_()

        page.route("**/prompts.js", late)
        page.reload(wait_until="commit")
        page.wait_for_selector(f"{COUNT}:text-is('3/75')")


def test_where_the_grammar_broke_is_marked_and_can_be_gone_to(page: Any) -> None:
    page.fill(PROMPT, "a __warm/color__ (house")
    page.wait_for_selector(f"{NOTES} mark:text-is('warm/color')")
    page.wait_for_selector(f"{NOTES} mark:text-is('(')")
    assert "Did you mean __warm/colour__" in page.inner_text(NOTES)
    page.click(f"{NOTES} button >> nth=0")
    assert selected(page) == "warm/color"
    page.fill(PROMPT, "a __warm/colour__ (house)")
    page.wait_for_selector(f"{NOTES} .ez-drawn:has-text('For example a red (house)')")


def selected(page: Any) -> str:
    text: str = page.evaluate(
        f"(() => {{ const a = document.querySelector('{PROMPT}');"
        " return a.value.slice(a.selectionStart, a.selectionEnd); })()"
    )
    return text


def test_names_are_offered_and_chosen_by_keyboard(page: Any) -> None:
    page.fill(PROMPT, "")
    page.type(PROMPT, "a __war")
    page.wait_for_selector(OPTION)
    page.keyboard.press("Enter")
    assert page.input_value(PROMPT) == "a __warm/colour__"
    page.keyboard.type(" <")
    page.wait_for_selector(f"{OPTION}[aria-selected=true]")
    page.keyboard.press("Escape")
    assert page.locator(OPTION).count() == 0
    page.keyboard.type("colo")
    page.wait_for_selector(OPTION)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.input_value(PROMPT) == "a __warm/colour__ __warm/colour__"
    page.keyboard.press("Control+z")
    assert page.input_value(PROMPT) == "a __warm/colour__ <colo"


def test_a_name_takes_the_place_of_all_that_was_typed_by_then(
    browser: Any, shared_studio: RunningStudio
) -> None:
    """Names are asked for anew now and then; who types on meanwhile still sees those of before."""
    with watched_page(browser, shared_studio.address) as page:
        page.fill(PROMPT, "")
        page.type(PROMPT, "a <col")
        page.wait_for_selector(f"{OPTION}[aria-selected=true]")
        page.route("**/prompts/words", lambda _: None)  # it never answers
        page.evaluate("import('/assets/easel/complete.js').then((m) => m.forgetWords())")
        page.keyboard.type("our")
        page.keyboard.press("Enter")
        assert page.input_value(PROMPT) == "a __warm/colour__"


def test_a_hypernetwork_is_offered_as_a_lora_is(browser: Any, shared_studio: RunningStudio) -> None:
    words: dict[str, list[str]] = {"embeddings": [], "styles": [], "wildcards": []}
    words |= {"loras": ["chalk"], "hypernetworks": ["thick"]}
    with watched_page(browser, shared_studio.address) as page:
        page.route("**/prompts/words", lambda route: route.fulfill(json=words))
        for opening in ("a <hypernet:", "a <hypernetwork:th", "a <thi"):
            page.fill(PROMPT, "")
            page.type(PROMPT, opening)
            page.wait_for_selector(f"{OPTION}[aria-selected=true]")
            assert page.locator(OPTION).all_inner_texts() == ["thick\nhypernetwork"]
            page.keyboard.press("Enter")
            assert page.input_value(PROMPT) == "a <hypernet:thick:1>"
        page.fill(PROMPT, "")
        page.type(PROMPT, "a <lora:")
        page.wait_for_selector(f"{OPTION}[aria-selected=true]")
        assert page.locator(OPTION).all_inner_texts() == ["chalk\nLoRA"]


def test_weights_and_order_are_changed_by_keyboard(page: Any) -> None:
    page.fill(PROMPT, "a red house, <lora:chalk:0.8>")
    place = "document.querySelector('#txt2img-prompt textarea').setSelectionRange(%d, %d)"
    page.focus(PROMPT)
    steps = [
        ((7, 7), "Control+ArrowUp", "a red (house:1.1), <lora:chalk:0.8>"),
        (None, "Control+ArrowUp", "a red (house:1.2), <lora:chalk:0.8>"),
        (None, "Control+ArrowDown", "a red (house:1.1), <lora:chalk:0.8>"),
        (None, "Control+ArrowDown", "a red house, <lora:chalk:0.8>"),
        ((2, 11), "Control+ArrowDown", "a (red house:0.9), <lora:chalk:0.8>"),
        ((26, 26), "Control+ArrowUp", "a (red house:0.9), <lora:chalk:0.85>"),
        ((4, 4), "Alt+ArrowRight", "<lora:chalk:0.85>, a (red house:0.9)"),
        (None, "Alt+ArrowLeft", "a (red house:0.9), <lora:chalk:0.85>"),
    ]
    for selection, keys, expected in steps:
        if selection is not None:
            page.evaluate(place % selection)
        page.keyboard.press(keys)
        assert page.input_value(PROMPT) == expected


def test_a_restored_picture_brings_its_loras_as_words_and_its_template(page: Any) -> None:
    made = page.evaluate(
        """import('/assets/easel/words.js').then((m) => [
          m.inWords({ prompt: 'a boat', loras: [{ adapter: 'loras/x', weight: 0.5, text_weight: null, rank: null },
            { adapter: 'y', weight: 0.25, text_weight: 1, rank: 8 }] }).prompt,
          m.templateOf({ template: '', negative_template: '' })])"""
    )
    assert made == ["a boat <lora:loras/x:0.5><lora:y:1:0.25:dyn=8>", None]
    page.fill(PROMPT, "a __warm/colour__ boat")
    page.click("#txt2img-generate")
    page.wait_for_selector(".ez-actions button[title='Restore parameters']")
    page.click(".ez-actions button[title='Restore parameters']")
    page.wait_for_function(f"document.querySelector('{PROMPT}').value === 'a red boat'")
    page.click(".ez-toast button:has-text('Use their template')")
    page.wait_for_function(f"document.querySelector('{PROMPT}').value === 'a __warm/colour__ boat'")


def test_a_style_is_saved_chosen_drawn_with_and_deleted(
    browser: Any, shared_studio: RunningStudio
) -> None:
    with watched_page(browser, shared_studio.address) as page:
        _use_a_style(page, shared_studio.address)


def _use_a_style(page: Any, address: str) -> None:
    page.fill(PROMPT, "an etching of {prompt}")
    page.wait_for_selector(f"{NOTES} .ez-drawn:has-text('an etching of')")
    page.click("#txt2img-style-row .ez-styles-open")
    page.fill(".ez-style-save input", "Etching")
    page.click(".ez-style-save button")
    page.click(".ez-style:has-text('Etching') input")
    page.keyboard.press("Escape")
    page.wait_for_selector("#txt2img-style-row .ez-chip:has-text('Etching')")
    page.fill(PROMPT, "a boat")
    page.wait_for_selector(f"{NOTES} .ez-drawn:has-text('Becomes an etching of a boat')")
    page.reload()
    page.wait_for_selector("#txt2img-style-row .ez-chip:has-text('Etching')")
    page.wait_for_selector(f"{NOTES} .ez-drawn:has-text('Becomes an etching of a boat')")
    page.click("#txt2img-generate")
    job = until_request(address, prompt="a boat")
    assert (job["prompt"], job["styles"]) == ("a boat", ["Etching"])
    assert job["texts"][0]["prompt"] == "an etching of a boat"
    page.click("#txt2img-style-row .ez-styles-open")
    page.click("[aria-label='Delete the style Etching']")
    page.wait_for_selector(".ez-style-none")
    page.keyboard.press("Escape")
    assert page.locator("#txt2img-style-row .ez-chip").count() == 0


PASTED = """a fox, an etching
Negative prompt: rain
Steps: 9, Sampler: Euler, CFG scale: 3, Seed: 4, Size: 64x96, Hires upscale: 2, Hires prompt: "a red house", \
Model: v1-5, Face restoration: CodeFormer, Version: v1.10.1"""
PASTE = """(text) => {
  const area = document.querySelector('#txt2img-prompt textarea');
  const data = new DataTransfer();
  data.setData('text/plain', text);
  area.focus();
  area.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
}"""


def test_a_pasted_text_of_another_program_fills_the_form_and_undo_empties_it(
    page: Any, shared_studio: RunningStudio
) -> None:
    page.fill(PROMPT, "a boat")
    page.wait_for_selector(f"{COUNT}:text-is('2/75')")
    page.evaluate(PASTE, PASTED)
    page.wait_for_function(f"document.querySelector('{PROMPT}').value === 'a fox, an etching'")
    toast = page.inner_text(".ez-toast")
    assert "The model 'v1-5' is not here, so the form keeps its own." in toast
    assert "Not used, as it means nothing here: Face restoration: CodeFormer." in toast
    page.click("#txt2img-fold-hires > button")
    page.wait_for_selector("#txt2img-hires_prompt .ez-count:text-is('3/75')")
    page.wait_for_selector("#txt2img-hires_negative_prompt .ez-count:text-is('')", state="attached")
    page.click("#txt2img-generate")
    order = until_request(shared_studio.address, prompt="a fox, an etching")
    assert (order["steps"], order["sampler"], order["guidance_scale"]) == (9, "Euler", 3)
    assert (order["width"], order["height"], order["seed"], order["hires_scale"]) == (64, 96, 4, 2)
    page.click(".ez-toast button:has-text('Undo')")
    page.wait_for_function(f"document.querySelector('{PROMPT}').value === 'a boat'")
    page.wait_for_selector("#txt2img-hires_prompt .ez-count:text-is('')", state="attached")


DROP = """async (address) => {
  const area = document.querySelector('#txt2img-prompt textarea');
  const data = new DataTransfer();
  const bytes = await (await fetch(address)).blob();
  data.items.add(new File([bytes], 'a.png', { type: 'image/png' }));
  for (const kind of ['dragover', 'drop'])
    area.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_a_picture_dropped_onto_the_prompt_tells_how_it_was_made(
    page: Any, shared_studio: RunningStudio
) -> None:
    order = {"prompt": "a far hill", "steps": 3, "clip_skip": 2, "width": 64, "height": 64}
    job = page.evaluate(
        """async (order) => {
          const { post, get } = await import('/assets/easel/api.js');
          let { id } = await post('/jobs', order);
          for (;;) { const job = await get(`/jobs/${id}`); if (job.state === 'done') return job; }
        }""",
        order,
    )
    page.evaluate(DROP, job["pictures"][0]["url"])
    page.wait_for_function(f"document.querySelector('{PROMPT}').value === 'a far hill'")
    assert page.inner_text(".ez-toast span") == "Parameters taken over."
    page.click("#txt2img-generate")
    again = until_request(shared_studio.address, prompt="a far hill")
    assert {name: again[name] for name in order} == order
    assert again["seed"] == job["request"]["seed"]
