"""The three examples, switched on in the page, used there and over HTTP with the starter model, and off again."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import visit, watched_page
from tests.studio import REPOSITORY, Studio, seconds_until, started_studio

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not (REPOSITORY / "models/starter/turbo/unet").is_dir(),
        reason="the starter model is not in models/starter/turbo; train it with launch.py train starter",
    ),
]

EXAMPLES = ("Ralston", "Detailer", "Notebook")
PLAIN = {
    "prompt": "a red boat on the left, the sea at dawn", "model": "starter/turbo", "seed": 5,
    "steps": 2, "width": 128, "height": 128, "sampler": "Euler",
}  # fmt: skip


@pytest.fixture
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """As it is after the project was cloned: the examples are there and off."""
    with started_studio(tmp_path_factory.mktemp("clone"), "--cpu") as started:
        seconds_until(started, "/", b"gradio-app", 90)
        yield started


def drawn(studio: Studio, **said: Any) -> bytes:
    """The pixels of a picture that is ordered over HTTP."""
    (picture,) = studio.wait(studio.submit(**{**PLAIN, **said}))["pictures"]
    with urllib.request.urlopen(f"{studio.address}{picture['url']}") as answer:
        return Image.open(io.BytesIO(answer.read())).tobytes()


def switch(page: Any, on: bool) -> None:
    page.click(".ez-nav a[data-tab=extensions]")
    for title in EXAMPLES:
        card = page.locator(f".ez-extension:has(h2:has-text('{title}'))")
        card.locator("header input[role=switch]").set_checked(on)
        card.locator(f".ez-extension-state:text-is('{'in use' if on else 'off'}')").wait_for()


def test_examples_draw_in_page_and_api_and_leave_no_trace(browser: Any, studio: Studio) -> None:
    before = drawn(studio)
    with watched_page(browser, studio.address) as page:
        switch(page, True)
        assert drawn(studio) == before  # in use, and not asked for
        ralston = drawn(studio, sampler="ralston/Ralston")
        detailed = drawn(studio, extensions={"detailer": {"strength": 0.5, "most": 1}})
        assert len({before, ralston, detailed}) == 3
        visit(page, studio.address)
        page.evaluate(
            "(given) => import('/assets/easel/form.js').then((form) => form.fill('txt2img', given))",
            {**PLAIN, "sampler": "ralston/Ralston"},
        )
        page.wait_for_selector("#txt2img-sampler input")
        page.wait_for_function(
            "document.querySelector('#txt2img-sampler input').value === 'ralston/Ralston'"
        )
        page.click("#txt2img-extensions summary:has-text('Detailer')")
        page.check("#txt2img-extensions [data-extension=detailer] input[role=switch]")
        page.wait_for_function(
            "JSON.parse(localStorage.getItem('easel.form.txt2img')).extensions?.detailer"
        )
        page.click("#txt2img-generate")
        page.click(".ez-actions button[aria-label=Note]", timeout=15_000)
        page.click(".ez-toast button:has-text('Open')")
        page.wait_for_selector(f".notebook li:has-text('{PLAIN['prompt']}')")
        (job,) = studio.get("/jobs?limit=1")
        assert job["request"]["sampler"] == "ralston/Ralston"
        assert set(job["request"]["extensions"]) == {"detailer"}
        switch(page, False)
        assert drawn(studio) == before
        with pytest.raises(urllib.error.HTTPError, match="422"):
            drawn(studio, sampler="ralston/Ralston")
