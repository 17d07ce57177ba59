"""Lists of prompts: what a line says, and what is said of one that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from webui.prompt.lines import BadLine, Line, lines_of


def settings(text: str) -> Mapping[str, str]:
    return Line(1, text).settings()


def test_lines_keep_their_numbers_and_empty_ones_say_nothing() -> None:
    assert lines_of("a house\n\n   \r\n  --steps 3  \n") == (
        Line(1, "a house"),
        Line(4, "--steps 3"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a red house, by day", {"prompt": "a red house, by day"}),
        ("a long -- long road", {"prompt": "a long -- long road"}),
        ("it's \"late", {"prompt": "it's \"late"}),
        ('--prompt "a house" --steps 20 --seed 5', {"prompt": "a house", "steps": "20", "seed": "5"}),
        ("--prompt a red house --cfg_scale 7.5", {"prompt": "a red house", "cfg_scale": "7.5"}),
        ("--negative_prompt rain fog --prompt pines", {"negative_prompt": "rain fog", "prompt": "pines"}),
        ("--seed -1", {"seed": "-1"}),
        ('--sampler_name "DPM++ 2M"', {"sampler_name": "DPM++ 2M"}),
        ("--steps 3 --steps 4", {"steps": "4"}),
    ],
)  # fmt: skip
def test_a_line_is_a_prompt_or_settings(text: str, said: Mapping[str, str]) -> None:
    assert settings(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('--prompt "a house --steps 3', "a quotation mark"),
        ("--prompt a house --steps", "ends --steps without a value"),
        ("--prompt --steps 3", "ends --prompt without a value"),
        ("--steps 3 4", "has '4' where a setting was expected"),
        ("--", "has '--' where a setting was expected"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(text: str, said: str) -> None:
    with pytest.raises(BadLine, match=said):
        settings(text)
