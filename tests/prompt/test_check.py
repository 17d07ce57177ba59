"""What is told of a prompt that is not what was meant."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.prompt.check import problems_in


@pytest.mark.parametrize(
    "prompt",
    [
        "", "a (b) [c (d)]", r"a \( b", r"smile :\)", "(a:1.2)", "a <lora:x:1> b", "a # (comment",
        "[a:b:0.5] [c:3] [d::.5] [e|f]", "{open", "a > b < c", "(a:b:1.3)", "[cat:dog]",
    ],
)  # fmt: skip
def test_a_prompt_that_says_what_it_means_has_no_problem(prompt: str) -> None:
    assert problems_in(prompt) == ()


@pytest.mark.parametrize(
    ("prompt", "piece", "says"),
    [
        ("a (red house", "(", "'(' at character 3 (…a (red house…) is never closed"),
        ("smile :)", ")", "')' at character 8 (…smile :)…) closes nothing"),
        ("(a]", "]", "']' at character 3"),
        ("# (\n a (b", "(", "'(' at character 8"),
        ("a <wibble:x> b", "<wibble:x>", "'<wibble:x>' is no tag that Easel knows"),
        ("a <lora:x:big>", "<lora:x:big>", "has the weight 'big'"),
        ("[a:b:soon]", "[a:b:soon]", "'soon' is neither a step"),
        ("(a:1.2.3)", "1.2.3", "'1.2.3' is no weight"),
        ("(a:1,5)", "1,5", "'1,5' is no weight"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(prompt: str, piece: str, says: str) -> None:
    (problem,) = problems_in(prompt)
    assert prompt[problem.start : problem.end] == piece
    assert says in problem.sentence


def test_a_lora_in_the_negative_prompt_is_said_to_do_nothing() -> None:
    (problem,) = problems_in("rain <lora:x:1>", negative=True)
    assert "does nothing in the negative prompt" in problem.sentence


def test_where_brackets_are_text_they_may_stand_alone() -> None:
    assert problems_in("a (b] (c:1.2.3) [d:e:f]", weights=False) == ()


def test_braces_count_where_they_are_choices() -> None:
    (problem,) = problems_in("a {b|c", choices=True)
    assert "'{' at character 3" in problem.sentence
    assert "was read as text" in problem.sentence


@given(st.text(alphabet="a(){}[]:<>#\\1.,| \nlora", max_size=60), st.booleans())
def test_checking_never_fails_and_places_are_in_the_prompt(prompt: str, choices: bool) -> None:
    for problem in problems_in(prompt, choices=choices):
        assert 0 <= problem.start < problem.end <= len(prompt)
        assert problem.sentence.endswith(".")


@pytest.mark.parametrize(
    "prompt", ["(a:" + "1" * 19_000, "<a:" * 6_600, "(a:1" * 5_000, "#" * 20_000]
)
def test_a_hostile_prompt_is_checked_in_no_time(prompt: str) -> None:
    began = time.thread_time()  # others may use the processor meanwhile
    problems_in(prompt)
    assert time.thread_time() - began < 2
