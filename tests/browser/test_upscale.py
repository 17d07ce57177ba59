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


def test_a_size_is_asked_for_instead_of_a_factor(easel: Any, shared_studio: RunningStudio) -> None:
    easel.click(".ez-nav a[data-tab=upscale]")
    upload = {"name": "a.png", "mimeType": "image/png", "buffer": png(photograph(128, 96, 98))}
    easel.set_input_files("#upscale-image input[type=file]", upload)
    easel.wait_for_selector("#upscale-image img[src^='/api/v1/images/']")
    for side in ("width", "height"):
        easel.fill(f"#upscale-upscale_{side} input", "256")
        easel.press(f"#upscale-upscale_{side} input", "Tab")
    easel.click("#upscale-generate")
    request = until_request(shared_studio.address, upscale_width=256, upscale_height=256)
    assert (request["width"], request["height"]) == (256, 256)
    assert request["upscale_factor"] == pytest.approx(256 / 96)
    for side in ("width", "height"):
        easel.fill(f"#upscale-upscale_{side} input", "")
        easel.press(f"#upscale-upscale_{side} input", "Tab")


def test_noise_augmentation_is_shown_beside_models_that_are_told_of_noise(easel: Any) -> None:
    easel.click(".ez-nav a[data-tab=upscale]")
    easel.wait_for_selector("#upscale-noise_augmentation", state="visible")
    easel.click("#upscale-model input")
    easel.click("ul[role=listbox] li:has-text('Fake gradients')")
    easel.wait_for_selector("#upscale-noise_augmentation", state="hidden")
    easel.click("#upscale-model input")
    easel.click("ul[role=listbox] li:has-text('Fake upscaler')")
    easel.wait_for_selector("#upscale-noise_augmentation", state="visible")
    easel.click(".ez-nav a[data-tab=img2img]")
    easel.click("#img2img-fold-image button")
    easel.wait_for_selector("#img2img-noise_multiplier", state="visible")
    easel.wait_for_selector("#img2img-noise_augmentation", state="hidden")
    easel.click("#img2img-fold-image button")
