"""Styles around a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.prompt.styles import Style, Unstyled, apply_styles, without_styles


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


KNOWN = [
    Style("oil", "an oil painting of {prompt}", "photo"),
    Style("sharp", "sharp, 4k"),
    Style("sharper", "sharp, 4k, grain"),
    Style("clean", "", "blurry, noise"),
    Style("nothing", " {prompt} "),
]


@pytest.mark.parametrize(
    ("prompt", "negative", "found"),
    [
        ("a boat, sharp, 4k", "", Unstyled("a boat", "", ("sharp",))),
        ("a boat, sharp, 4k, grain", "x", Unstyled("a boat", "x", ("sharper",))),
        ("sharp, 4k", "", Unstyled("", "", ("sharp",))),
        ("a boat", "rain, blurry, noise", Unstyled("a boat", "rain", ("clean",))),
        (
            "an oil painting of a boat, sharp, 4k",
            "rain, photo, blurry, noise",
            Unstyled("a boat", "rain", ("sharp", "oil", "clean")),
        ),
        ("an oil painting of a boat", "rain", Unstyled("an oil painting of a boat", "rain")),
        ("unsharp, 4k", "", Unstyled("unsharp, 4k", "")),
        ("a boat", "", Unstyled("a boat", "")),
    ],
)
def test_styles_are_found_where_both_their_texts_are(
    prompt: str, negative: str, found: Unstyled
) -> None:
    assert without_styles(prompt, negative, KNOWN) == found


@given(
    st.sampled_from(["a boat", "a boat, sharp", "", "4k"]),
    st.lists(st.sampled_from(KNOWN[:4]), unique=True, max_size=4),
)
def test_what_was_found_gives_the_same_prompts_again(prompt: str, used: list[Style]) -> None:
    whole = apply_styles(prompt, [style.prompt for style in used])
    against = apply_styles("rain", [style.negative_prompt for style in used])
    bare = without_styles(whole, against, KNOWN)
    found = [next(style for style in KNOWN if style.name == name) for name in bare.styles]
    assert apply_styles(bare.prompt, [style.prompt for style in found]) == whole
    assert apply_styles(bare.negative_prompt, [style.negative_prompt for style in found]) == against
