"""A finished picture can be sent to every tab, as what that tab begins with."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import RunningStudio, watched_page
from tests.browser.painting import layer, on_desk, photograph, png, slot, stored, until
from tests.browser.test_page import FINISHED, SEED, generate, set_number

pytestmark = pytest.mark.browser

TABS = ["txt2img", "img2img", "inpaint", "semantic", "upscale", "live", "control"]


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


NETS = [
    {"id": "starter/edges", "title": "Edges", "reads": "edges", "kind": "controlnet"},
    {"id": "starter/depth", "title": "Depth", "reads": "depth", "kind": "controlnet"},
]
CHOSEN = {"negative_prompt": "rain", "guidance_rescale": 0.3, "emphasis": "No norm", "clip_skip": 2}
"""What was chosen for each of the pictures that are sent; `clip_skip` goes with the model alone."""
SIDE = 64


def uploaded(address: str, picture: Image.Image) -> str:
    order = urllib.request.Request(f"{address}/api/v1/images", png(picture))
    with urllib.request.urlopen(order) as answer:
        return str(json.load(answer)["id"])


def half(value: int) -> Image.Image:
    """A mask or map whose upper half has a value."""
    numbers = np.zeros((SIDE, SIDE), np.uint8)
    numbers[: SIDE // 2] = value
    return Image.fromarray(numbers)


def source(tab: str, address: str) -> dict[str, Any]:
    """The request of a picture that the tab drew."""
    fields: dict[str, Any] = {"model": "fake/gradient", "steps": 7, "seed": 11, **CHOSEN}
    if tab != "semantic":
        fields |= {"width": SIDE, "height": SIDE}
    if tab in ("img2img", "inpaint", "upscale", "live"):
        fields |= {
            "image": uploaded(address, photograph(SIDE, SIDE, 5)),
            "denoising_strength": 0.35,
        }
    if tab == "inpaint":
        fields |= {"mask": uploaded(address, half(255)), "mask_blur": 9}
    if tab == "semantic":
        fields |= {
            "model": "fake/map", "class_map": uploaded(address, half(2)), "width": SIDE, "height": SIDE,
        }  # fmt: skip
    if tab == "upscale":
        fields |= {"upscaler": "Lanczos", "upscale_factor": 2.0}
        del fields["width"], fields["height"]
    return {"prompt": f"from {tab}", **fields}


@pytest.fixture(scope="module")
def sender(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """A page whose studio is said to have two controlnets."""
    with watched_page(browser, shared_studio.address) as page:
        page.route("**/api/v1/adapters?kind=controlnet", lambda route: route.fulfill(json=NETS))
        page.reload()
        page.wait_for_selector("#txt2img-generate")
        yield page


DRAWN = """async (request) => {
  const { get, post } = await import('/assets/easel/api.js');
  const { id } = await post('/jobs', request);
  for (;;) {
    const job = await get(`/jobs/${id}`);
    if (job.state === 'failed') throw new Error(job.error);
    if (job.state === 'done') return job.pictures[0];
    await new Promise((done) => setTimeout(done, 50));
  }
}"""
SENT = (
    """async ([tab, picture]) => (await import('/assets/easel/sending.js')).sendTo(tab, picture)"""
)
KEPT = (
    "async (id) => (await (await import('/assets/easel/api.js')).post(`/pictures/${id}/image`)).id"
)
FIELDS = "(tab) => import('/assets/easel/form.js').then((form) => form.fieldsOf(tab))"
VALUES = "(tab) => import('/assets/easel/form.js').then((form) => form.values(tab))"


def values_with(page: Any, form: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The form's values as soon as it has those that are wanted.

    Raises:
        AssertionError: it has others after fifteen seconds.
    """
    found: dict[str, Any] = {}
    for _ in range(300):
        found = page.evaluate(VALUES, form)
        if all(found.get(name) == value for name, value in wanted.items()):
            return found
        page.wait_for_timeout(50)
    assert {name: found.get(name) for name in wanted} == wanted
    return found


def painted(page: Any, tab: str, size: tuple[int, int]) -> None:
    """Wait until what was read from the picture is on the canvas, at its size and in the form."""
    width, height = size
    title = "Photograph" if tab == "semantic" else "Map"
    until(
        page,
        tab,
        f"desk.board.history.past.at(-1)?.title === '{title}' && desk.ready()"
        f" && desk.board.width === {width} && desk.board.height === {height}",
    )
    assert slot(page, tab, "class_map") or slot(page, tab, "image")


def arriving(tab: str, of: str, request: dict[str, Any], image: str) -> dict[str, Any]:
    """What of the picture itself the tab's form has then."""
    if tab == "txt2img":
        return {"seed": 11, "steps": 7}
    if tab == "control":
        unit = {"adapter": "starter/edges", "image": image, "weight": 1, "start": 0, "end": 1}
        return {"controls": [unit]}
    if tab in ("semantic", "live"):
        return {"class_map": request["class_map"], "seed": 11} if of == "semantic" else {}
    return {"image": image} | ({"mask": request.get("mask")} if tab == "inpaint" else {})


WITH_MODEL = {"txt2img", "img2img"}
"""Targets that take the model of any picture along; others theirs of their own task alone."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("of", [tab for tab in TABS if tab != "control"])
def test_a_result_of_each_tab_arrives_in_each_with_picture_mask_and_parameters(
    sender: Any, shared_studio: RunningStudio, of: str
) -> None:
    address = shared_studio.address
    request = source(of, address)
    picture = sender.evaluate(DRAWN, request)
    with urllib.request.urlopen(f"{address}{picture['url']}") as answer:
        drawn = Image.open(io.BytesIO(answer.read())).convert("RGB")
    image = sender.evaluate(KEPT, picture["id"])
    assert np.array_equal(np.asarray(stored(address, image).convert("RGB")), np.asarray(drawn))
    for tab in TABS:
        form = "txt2img" if tab == "control" else tab
        sender.evaluate(SENT, [tab, picture])
        sender.wait_for_selector(f"body[data-tab={form}]")
        fields = sender.evaluate(FIELDS, form)
        own = of == "semantic" and tab in ("semantic", "live")
        with_model = own or tab in WITH_MODEL
        names = ["prompt", *CHOSEN] if with_model else ["prompt", *(set(CHOSEN) - {"clip_skip"})]
        wanted = {name: request[name] for name in names if name in fields}
        if own or (tab in WITH_MODEL and of != "semantic"):  # a model of maps is in no menu there
            wanted["model"] = request["model"]
        if "denoising_strength" in fields and "image" in request:
            wanted["denoising_strength"] = 0.35
        values_with(sender, form, wanted | arriving(tab, of, request, image))
        if tab in ("semantic", "live") and of == "semantic":
            until(sender, tab, "desk.board.layer.data.includes(2) && desk.ready()")
            assert np.array_equal(layer(sender, tab), np.asarray(half(2)))
        elif tab in ("semantic", "live"):
            painted(sender, tab, drawn.size)
        elif tab == "inpaint":
            until(sender, tab, f"desk.board.pictureId === '{image}' && desk.ready()")
            mask = np.asarray(half(255)) if of == "inpaint" else np.zeros(drawn.size[::-1])
            assert np.array_equal(layer(sender, tab), mask)
