"""A class-conditional model is asked for a class and no words."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_a_class_is_picked_where_the_model_draws_classes(easel: Any) -> None:
    easel.click(".ez-nav a[data-tab=txt2img]")
    assert not easel.is_visible("#txt2img-class_label")
    easel.fill("#txt2img-prompt textarea", "a forgotten house")
    easel.click("#txt2img-model input")
    easel.click("ul[role=listbox] li:has-text('Fake classes')")
    easel.wait_for_selector("#txt2img-class_label input", state="visible")
    easel.wait_for_selector("#txt2img-prompt", state="hidden")
    options = "[...document.querySelectorAll('#txt2img-class_label option')].map((option) => option.value)"
    assert easel.evaluate(options) == ["sky", "meadow", "water", "house"]
    easel.fill("#txt2img-class_label input", "Meadow")
    easel.press("#txt2img-class_label input", "Tab")
    with easel.expect_response("**/api/v1/jobs/*") as answered:
        easel.click("#txt2img-generate")
    request = answered.value.json()["request"]
    assert (request["class_label"], request["prompt"]) == ("Meadow", "")
    easel.click("#txt2img-model input")
    easel.click("ul[role=listbox] li:has-text('Fake gradients')")
    easel.wait_for_selector("#txt2img-prompt textarea", state="visible")
    assert easel.input_value("#txt2img-prompt textarea") == "a forgotten house"
    easel.fill("#txt2img-prompt textarea", "")
