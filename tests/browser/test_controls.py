"""The list of controlnets, as a component of its own: what is done in it is the form's value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.browser.conftest import RunningStudio, unfold
from tests.browser.painting import (
    Numbers,
    cleared,
    drop,
    photograph,
    png,
    slot,
    stored,
    stroke,
    until,
)

PROMPT = "#txt2img-prompt textarea"
pytestmark = pytest.mark.browser

NETS = [
    {"id": "starter/edges", "title": "Edges", "reads": "edges", "kind": "controlnet"},
    {"id": "starter/classes", "title": "Classes", "reads": "classes", "kind": "controlnet"},
]
MOUNT_IN = """async () => {
  const element = document.createElement('section');
  element.id = 'tried';
  element.innerHTML = '<div class="ez-controls"></div>';
  element.style = 'position: fixed; inset: 60px auto auto 20px; z-index: 999; background: white; width: 380px';
  document.body.append(element);
  const props = window.tried = { value: null };
  const watch = (name, told) => { window.filled = told; };
  await (await import('/assets/easel/controls.js')).mount({ element, props, trigger() {}, watch }, { tab: 'TAB' });
}"""
MOUNT = MOUNT_IN.replace("TAB", "txt2img")


@pytest.fixture(autouse=True)
def nothing_kept(easel: Any) -> None:
    """No test begins with what the one before left."""
    easel.evaluate(
        "for (const tab of ['txt2img', 'inpaint']) localStorage.removeItem(`easel.controls.${tab}`)"
    )


def test_controls_that_wait_for_their_pictures_are_there_after_a_reload(page: Any) -> None:
    list_, first = "#txt2img-controls", "#txt2img-controls fieldset >> nth=0"
    page.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS))
    page.reload()
    unfold(page, "txt2img-fold-control")
    for _ in range(2):
        page.click(f"{list_} button:has-text('Add a control')")
    page.fill(f"{first} >> label:has-text('Weight') >> input", "0.7")
    page.press(f"{first} >> label:has-text('Weight') >> input", "Tab")
    page.select_option(f"{first} >> select[aria-label=Preprocessor]", "canny")
    upload = {"name": "a.png", "mimeType": "image/png", "buffer": png(photograph(32, 32))}
    page.set_input_files(f"{list_} fieldset >> nth=1 >> input[type=file] >> nth=0", upload)
    page.wait_for_selector(f"{list_} .ez-control-picture img")
    image = slot_of(page)[0]["image"]
    page.wait_for_function(
        "(image) => localStorage['easel.form.txt2img'].includes(image)", arg=image
    )
    page.reload()
    unfold(page, "txt2img-fold-control")
    page.wait_for_function(f"document.querySelectorAll('{list_} fieldset').length === 2")
    assert "Waits for a picture, which canny makes its own of." in page.inner_text(list_)
    assert [unit["image"] for unit in slot_of(page)] == [image]
    second = f"{list_} fieldset >> nth=1"
    assert page.input_value(f"{second} >> label:has-text('Weight') >> input") == "0.7"
    page.click(f"{second} >> button[title='Remove this control']")
    page.reload()
    unfold(page, "txt2img-fold-control")
    page.wait_for_selector(f"{list_} .ez-control-picture img")
    assert page.locator(f"{list_} fieldset").count() == 1


def slot_of(page: Any) -> Any:
    return page.evaluate(
        "import('/assets/easel/form.js').then((form) => form.values('txt2img').controls)"
    )


def test_a_control_is_added_set_and_removed(easel: Any) -> None:
    easel.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS))
    easel.evaluate(MOUNT)
    easel.click("#tried button:has-text('Add a control')")
    assert "Waits for its picture: white edges on black." in easel.inner_text("#tried")
    assert easel.evaluate("tried.value") is None
    upload = {"name": "a.png", "mimeType": "image/png", "buffer": png(photograph(32, 32))}
    easel.set_input_files("#tried input[type=file]", upload)
    easel.wait_for_selector("#tried .ez-control-picture img")
    easel.select_option("#tried select[aria-label=Controlnet]", "starter/classes")
    for title, value in (("Weight", "9"), ("Until", "0.5"), ("From", "0.7")):
        easel.fill(f"#tried label:has-text('{title}') input", value)
        easel.press(f"#tried label:has-text('{title}') input", "Tab")
    mode = "#tried select[aria-label='Control mode']"
    easel.select_option(mode, "ControlNet is more important")
    assert easel.evaluate("tried.value[0].mode") == "ControlNet is more important"
    easel.select_option(mode, "Balanced")
    resize = "#tried select[aria-label='Resize mode']"
    easel.select_option(resize, "Just resize")
    assert easel.evaluate("tried.value[0].resize_mode") == "Just resize"
    easel.select_option(resize, "Automatic")
    [unit] = easel.evaluate("tried.value")
    image = unit.pop("image")
    assert len(image) == 64
    assert unit == {"adapter": "starter/classes", "weight": 2, "start": 0.45, "end": 0.5}
    easel.click("#tried button[title='Remove this control']")
    assert easel.evaluate("tried.value") is None
    easel.evaluate(
        "(image) => { tried.value = [{ adapter: 'starter/edges', image, weight: 0.5, start: 0, end: 1 }]; filled(); }",
        image,
    )
    assert easel.input_value("#tried label:has-text('Weight') input") == "0.5"
    easel.evaluate("document.getElementById('tried').remove()")
    easel.unroute("**/api/v1/adapters?kind=controlnet")


def test_a_control_steers_within_a_mask_or_everywhere(easel: Any) -> None:
    easel.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS))
    easel.evaluate(MOUNT)
    easel.click("#tried button:has-text('Add a control')")
    upload = {"name": "a.png", "mimeType": "image/png", "buffer": png(photograph(32, 32))}
    easel.set_input_files("#tried .ez-control-picture input", upload)
    easel.wait_for_selector("#tried .ez-control-picture img")
    easel.set_input_files("#tried .ez-control-where input", upload)
    easel.wait_for_selector("#tried .ez-control-where img")
    [unit] = easel.evaluate("tried.value")
    assert unit["mask"] == unit["image"]
    easel.click("#tried button:has-text('Everywhere')")
    [unit] = easel.evaluate("tried.value")
    assert "mask" not in unit
    easel.evaluate("document.getElementById('tried').remove()")
    easel.unroute("**/api/v1/adapters?kind=controlnet")


def test_a_control_picture_is_made_of_the_chosen_one(easel: Any) -> None:
    easel.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS))
    easel.evaluate(MOUNT)
    easel.click("#tried button:has-text('Add a control')")
    upload = {"name": "a.png", "mimeType": "image/png", "buffer": png(photograph(32, 32))}
    easel.set_input_files("#tried input[type=file]", upload)
    easel.wait_for_selector("#tried .ez-control-picture img")
    [plain] = easel.evaluate("tried.value")
    menu = "#tried select[aria-label=Preprocessor]"
    assert easel.inner_text(f"{menu} option:nth-child(2)") == "canny"  # it suits edges
    easel.select_option(menu, "softedge")
    easel.wait_for_function("(plain) => tried.value[0].image !== plain", arg=plain["image"])
    [edges] = easel.evaluate("tried.value")
    assert {**edges, "image": ""} == {**plain, "image": ""}
    easel.fill("#tried label:has-text('Softness') input", "5")
    easel.press("#tried label:has-text('Softness') input", "Tab")
    easel.wait_for_function("(edges) => tried.value[0].image !== edges", arg=edges["image"])
    easel.select_option(menu, "")
    easel.wait_for_function("(plain) => tried.value[0].image === plain", arg=plain["image"])
    easel.evaluate("document.getElementById('tried').remove()")
    easel.unroute("**/api/v1/adapters?kind=controlnet")


def test_a_preprocessor_of_an_extension_comes_and_goes_while_the_page_is_open(easel: Any) -> None:
    """The studio tells the page of the change; what one made of a picture stays when it goes."""
    own = {"name": "book/dark", "help": "Darker.", "reads": ["edges"], "settings": []}
    ways = [{"name": "canny", "help": "Lines.", "reads": ["edges"], "settings": []}]
    easel.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS))
    easel.route("**/api/v1/preprocessors", lambda route: route.fulfill(json=ways))
    easel.evaluate(MOUNT)
    easel.click("#tried button:has-text('Add a control')")
    options = "#tried select[aria-label=Preprocessor] option"
    assert easel.locator(options).all_inner_texts() == ["no preprocessor", "canny"]
    ways.append(own)
    easel.evaluate("document.dispatchEvent(new CustomEvent('easel:extensions'))")
    easel.wait_for_function(f"document.querySelectorAll('{options}').length === 3")
    assert easel.locator(options).all_inner_texts() == ["no preprocessor", "canny", "book/dark"]
    ways.remove(own)
    easel.evaluate("document.dispatchEvent(new CustomEvent('easel:extensions'))")
    easel.wait_for_function(f"document.querySelectorAll('{options}').length === 2")
    easel.evaluate("document.getElementById('tried').remove()")
    easel.unroute("**/api/v1/adapters?kind=controlnet")
    easel.unroute("**/api/v1/preprocessors")


def test_a_control_takes_the_canvas_picture(easel: Any) -> None:
    easel.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS))
    cleared(easel, "inpaint")
    easel.evaluate(MOUNT_IN.replace("TAB", "inpaint"))
    easel.click("#tried button:has-text('Add a control')")
    easel.click("#tried button:has-text('From the canvas')")
    easel.wait_for_selector("#tried :text('There is no picture yet')")
    drop(easel, "inpaint", png(photograph(64, 48)))
    until(easel, "inpaint", "desk.board.picture")
    easel.click("#tried button:has-text('From the canvas')")
    easel.wait_for_function("tried.value?.length === 1")
    first = easel.evaluate("tried.value[0].image")
    assert first == slot(easel, "inpaint", "image")
    followers = "import('/assets/easel/controls.js').then((m) => m.followers('inpaint'))"
    assert easel.evaluate(followers) == [{"control": 0, "preprocessor": "", "settings": {}}]
    drop(easel, "inpaint", png(photograph(64, 48, 3)))
    easel.wait_for_function("(first) => tried.value[0].image !== first", arg=first)
    second = slot(easel, "inpaint", "image")  # what Generate waits for
    assert easel.evaluate("tried.value[0].image") == second
    kept = easel.evaluate("tried.value")
    easel.evaluate("document.getElementById('tried').remove()")
    easel.evaluate(MOUNT_IN.replace("TAB", "inpaint"))  # as after a reload
    easel.evaluate("(kept) => { tried.value = kept; filled(); }", kept)
    easel.click("#tried button:has-text('From the canvas')[aria-pressed=true]")
    drop(easel, "inpaint", png(photograph(64, 48, 4)))
    until(easel, "inpaint", f"desk.board.pictureId && desk.board.pictureId !== '{second}'")
    assert slot(easel, "inpaint", "image") != second
    assert easel.evaluate("tried.value[0].image") == second
    easel.evaluate("document.getElementById('tried').remove()")
    easel.unroute("**/api/v1/adapters?kind=controlnet")


def test_a_control_takes_the_painted_picture_its_strokes_and_its_mask(
    easel: Any, shared_studio: RunningStudio
) -> None:
    easel.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS))
    cleared(easel, "inpaint")
    drop(easel, "inpaint", png(photograph(150, 110, 7)))
    until(easel, "inpaint", "desk.board.width === 150 && desk.ready()")
    bare = slot(easel, "inpaint", "image")
    easel.evaluate(MOUNT_IN.replace("TAB", "inpaint"))
    easel.click("#tried button:has-text('Add a control')")
    easel.click("#tried button:has-text('Strokes alone')")
    easel.wait_for_selector("#tried :text('No colours are painted on the picture yet.')")
    easel.click("#tried button:has-text('Use the painted mask')")
    easel.wait_for_selector("#tried :text('No mask is painted yet.')")
    easel.evaluate("document.getElementById('tried').style.visibility = 'hidden'")
    easel.keyboard.press("c")
    easel.fill(".ez-canvas-colour", "#20c840")
    stroke(easel, "inpaint", (40, 40), (90, 40))
    painted = slot(easel, "inpaint", "image")
    mask = slot(easel, "inpaint", "mask")
    easel.evaluate("document.getElementById('tried').style.visibility = ''")
    easel.select_option("#tried select[aria-label=Preprocessor]", "canny")
    easel.click("#tried button:has-text('From the canvas')")
    easel.wait_for_function("tried.value?.length === 1")
    easel.wait_for_function("(image) => tried.value[0].image !== image", arg=painted)
    edges = control_pixels(easel, shared_studio)
    assert set(np.unique(edges)) == {0, 255}
    assert edges[20:60].any()
    easel.click("#tried button:has-text('Strokes alone')")
    easel.wait_for_function("tried.value?.length === 1")
    easel.wait_for_selector(
        "#tried select[aria-label=Preprocessor] option:checked:text-is('no preprocessor')",
        state="attached",
    )
    strokes = control_pixels(easel, shared_studio)
    before, after = (
        np.asarray(stored(shared_studio.address, image).convert("RGB")) for image in (bare, painted)
    )
    assert np.array_equal(strokes == 255, np.any(before != after, axis=-1))
    assert strokes[40, 60] == 255
    easel.click("#tried button:has-text('Use the painted mask')")
    easel.wait_for_function("tried.value[0].mask")
    assert easel.evaluate("tried.value[0].mask") == mask
    follow_what_is_painted_later(easel, shared_studio)
    easel.evaluate("document.getElementById('tried').remove()")
    easel.unroute("**/api/v1/adapters?kind=controlnet")


def test_a_control_takes_a_map_that_is_painted_after_it_was_added(easel: Any) -> None:
    easel.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS[1:]))
    easel.evaluate(
        "import('/assets/easel/slots.js').then((slots) => slots.setSlot('semantic', 'class_map', null))"
    )
    easel.evaluate(MOUNT)
    easel.click("#tried button:has-text('Add a control')")
    cleared(easel, "semantic")
    easel.evaluate("document.getElementById('tried').style.visibility = 'hidden'")
    stroke(easel, "semantic", (40, 40), (90, 40))
    easel.evaluate("document.getElementById('tried').style.visibility = ''")
    easel.focus("#tried button:has-text('Use the painted map')")
    easel.keyboard.press("Enter")
    easel.wait_for_function("tried.value?.length === 1")
    first = slot(easel, "semantic", "class_map")
    assert easel.evaluate("tried.value[0].image") == first
    assert easel.evaluate("document.activeElement.textContent") == "Use the painted map"
    easel.evaluate("document.getElementById('tried').style.visibility = 'hidden'")
    easel.click("#semantic-canvas .ez-canvas-legend button:nth-child(3)")
    stroke(easel, "semantic", (40, 80), (90, 80))
    slot(easel, "txt2img", "controls")  # what Generate of another tab waits for
    newer = slot(easel, "semantic", "class_map")
    assert newer != first
    assert easel.evaluate("tried.value[0].image") == newer
    easel.evaluate("document.getElementById('tried').remove()")
    easel.unroute("**/api/v1/adapters?kind=controlnet")


def follow_what_is_painted_later(page: Any, studio: RunningStudio) -> None:
    """Paint further strokes and another piece of mask, and find both in the first control."""
    mask = page.evaluate("tried.value[0].mask")
    page.evaluate("document.getElementById('tried').style.visibility = 'hidden'")
    page.keyboard.press("c")
    stroke(page, "inpaint", (40, 80), (90, 80))
    page.keyboard.press("b")
    stroke(page, "inpaint", (100, 20), (120, 20))
    newer = slot(page, "inpaint", "mask")
    assert newer != mask
    assert page.evaluate("tried.value[0].mask") == newer
    assert control_pixels(page, studio)[80, 60] == 255


def control_pixels(page: Any, studio: RunningStudio) -> Numbers:
    """The picture that the first control follows, (H, W), grey."""
    image = page.evaluate("tried.value[0].image")
    return np.asarray(stored(studio.address, image).convert("L"))


def test_a_pasted_text_tells_a_control_that_waits_for_its_picture_until_undo(easel: Any) -> None:
    """The fake studio has no controlnet, so what the studio reads of one is put into its answer."""
    waiting = {
        "adapter": "starter/edges", "weight": 0.5, "start": 0.25, "end": 0.75,
        "mode": "ControlNet is more important", "preprocessor": "canny",
        "settings": {"low": 50},
    }  # fmt: skip

    def read(route: Any) -> None:
        told = route.fetch().json()
        assert told["waiting_controls"] == []
        route.fulfill(json={**told, "waiting_controls": [waiting]})

    easel.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS))
    easel.route("**/api/v1/parameters/reading", read)
    easel.evaluate("import('/assets/easel/tabs.js').then(({ openTab }) => openTab('txt2img'))")
    easel.wait_for_selector(PROMPT)
    easel.evaluate(MOUNT)
    easel.evaluate(
        "async () => (await import('/assets/easel/pasting.js')).readParameters("
        "new Blob(['a fox\\nSteps: 9, Sampler: Euler, Seed: 4'], { type: 'text/plain' }))"
    )
    easel.wait_for_selector("#tried :text('Waits for a picture, which canny makes its own of.')")
    assert easel.evaluate("tried.value") is None
    assert easel.input_value("#tried label:has-text('Weakest edge') input") == "50"
    upload = {"name": "a.png", "mimeType": "image/png", "buffer": png(photograph(32, 32))}
    easel.set_input_files("#tried .ez-control-picture input", upload)
    easel.wait_for_selector("#tried .ez-control-picture img")
    [unit] = easel.evaluate("tried.value")
    assert len(unit.pop("image")) == 64
    assert unit == {
        name: value for name, value in waiting.items() if name not in ("preprocessor", "settings")
    }
    easel.click(".ez-toast button:has-text('Undo')")
    easel.wait_for_function("tried.value === null")
    assert easel.locator("#tried .ez-control-unit").count() == 0
    easel.evaluate("document.getElementById('tried').remove()")
    easel.unroute("**/api/v1/adapters?kind=controlnet")
    easel.unroute("**/api/v1/parameters/reading")
