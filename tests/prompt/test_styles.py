"""Styles around a prompt."""

import pytest

from webui.prompt.styles import apply_styles


@pytest.mark.parametrize(
    ("prompt", "texts", "made"),
    [
        ("a boat", [], "a boat"),
        ("a boat", ["oil painting"], "a boat, oil painting"),
        ("a boat", ["photo of {prompt}, 35mm"], "photo of a boat, 35mm"),
        ("a boat", ["photo of {prompt}", "grainy"], "photo of a boat, grainy"),
        ("a boat", ["grainy", "photo of {prompt}"], "photo of a boat, grainy"),
        ("", ["oil painting"], "oil painting"),
        ("a boat ", ["  "], "a boat "),
        ("a", ["{prompt} {prompt}"], "a a"),
    ],
)
def test_a_style_goes_around_its_place_or_behind(prompt: str, texts: list[str], made: str) -> None:
    assert apply_styles(prompt, texts) == made
