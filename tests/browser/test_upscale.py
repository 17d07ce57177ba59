"""The upscale tab: an image enlarged, and compared with what it was made of."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import RunningStudio
from tests.browser.painting import photograph, png, until_request

pytestmark = pytest.mark.browser


def test_an_enlarged_picture_is_compared_with_the_image_before(
    easel: Any, shared_studio: RunningStudio
) -> None:
    easel.faults.clear()
    easel.click(".ez-nav a[data-tab=upscale]")
    upload = {"name": "a.png", "mimeType": "image/png", "buffer": png(photograph(128, 96, 99))}
    easel.set_input_files("#upscale-image input[type=file]", upload)
    easel.wait_for_selector("#upscale-image img[src^='/api/v1/images/']")
    easel.fill("#upscale-upscale_factor input", "2")
    easel.press("#upscale-upscale_factor input", "Tab")
    easel.click("#upscale-generate")
    request = until_request(shared_studio.address, model="fake/upscaler", upscale_factor=2)
    assert (request["prompt"], request["width"], request["height"]) == ("", 256, 192)
    easel.wait_for_selector(f".ez-compare:visible img[src$='{request['image']}']")
    slider = easel.locator(".ez-compare input")
    slider.focus()
    easel.keyboard.press("Home")
    split = "getComputedStyle(document.querySelector('.ez-compare')).getPropertyValue('--split')"
    assert easel.evaluate(split) == "0%"
    easel.click(".ez-nav a[data-tab=txt2img]")
    easel.wait_for_selector(".ez-compare", state="hidden")
    assert easel.faults == []
