"""Brackets without partners."""

import pytest

from webui.prompt.check import bracket_problem


@pytest.mark.parametrize("prompt", ["", "a (b) [c (d)]", r"a \( b", r"smile :\)", "(a:1.2)"])
def test_a_prompt_whose_brackets_match_has_no_problem(prompt: str) -> None:
    assert bracket_problem(prompt) is None


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("a (red house", "'(' at character 3 (…a (red house…) is never closed"),
        ("smile :)", "')' at character 8 (…smile :)…) closes nothing"),
        ("(a]", "']' at character 3"),
    ],
)
def test_the_first_bracket_without_a_partner_is_named(prompt: str, says: str) -> None:
    assert says in (bracket_problem(prompt) or "")
