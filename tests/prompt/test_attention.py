"""Weights in a prompt."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.prompt.attention import Weighted, parse_attention, print_attention

Pair = tuple[str, float]


def read(prompt: str) -> list[Pair]:
    return [(run.text, round(run.weight, 6)) for run in parse_attention(prompt)]


@pytest.mark.parametrize(
    ("prompt", "runs"),
    [
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("[less", [("less", round(1 / 1.1, 6))]),
        (r"\(literal\] \[brackets\) \\", [(r"(literal] [brackets) \ ".strip(), 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        ("(a:1.5)b", [("a", 1.5), ("b", 1.0)]),
        ("(a:b:1.2)", [("a:b", 1.2)]),
        ("(a : 1.3 )", [("a ", 1.3)]),
        ("a:b", [("a:b", 1.0)]),
        ("((two))", [("two", 1.21)]),
        ("", [("", 1.0)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                ("a ", 1.0), ("house", 1.573), (" ", 1.1), ("on", 1.0), (" a ", 1.1),
                ("hill", 0.55), (", sun, ", 1.1), ("sky", 1.4641), (".", 1.1),
            ],
        ),
    ],
)  # fmt: skip
def test_it_is_read_as_users_of_the_field_know_it(prompt: str, runs: list[Pair]) -> None:
    assert read(prompt) == runs


def test_the_word_break_ends_a_row_and_has_no_weight() -> None:
    runs = parse_attention("(a BREAK b:2) BREAKFAST")
    assert runs == (
        Weighted("a", 2.0), Weighted("", breaks=True), Weighted("b", 2.0), Weighted(" BREAKFAST"),
    )  # fmt: skip


PROMPTS = st.text(alphabet="ab ,:()[]\\.0123456789|-BREAK\n", max_size=60) | st.text(max_size=40)


@given(PROMPTS)
def test_reading_never_fails_and_gives_something(prompt: str) -> None:
    assert parse_attention(prompt)


@given(PROMPTS)
def test_what_is_printed_is_read_as_the_same(prompt: str) -> None:
    runs = parse_attention(prompt)
    again = parse_attention(print_attention(runs))
    assert [(r.text, r.breaks) for r in _spaced(again)] == [
        (r.text, r.breaks) for r in _spaced(runs)
    ]
    for one, other in zip(_spaced(again), _spaced(runs), strict=True):
        assert one.weight == pytest.approx(other.weight, rel=1e-9, abs=1e-15)


def _spaced(runs: tuple[Weighted, ...]) -> list[Weighted]:
    """Without the space around BREAK, which is the word's own, and without empty runs."""
    kept = []
    for i, run in enumerate(runs):
        text = run.text
        if i > 0 and runs[i - 1].breaks:
            text = text.lstrip()
        if i + 1 < len(runs) and runs[i + 1].breaks:
            text = text.rstrip()
        if text or run.breaks:
            kept.append(Weighted(text, run.weight, run.breaks))
    return kept


@given(st.floats(0.01, 9).map(lambda w: round(w, 3)), st.floats(0.01, 9).map(lambda w: round(w, 3)))
def test_weights_multiply(outer: float, inner: float) -> None:
    (run,) = parse_attention(f"((x:{inner}):{outer})")
    assert run.weight == pytest.approx(outer * inner)


@pytest.mark.parametrize(
    "prompt",
    [
        "(" * 20_000, "[a:" * 6_600, "(" * 10_000 + ")" * 10_000, "(a[b" * 2_500 + ")]" * 2_500,
        "a" + " " * 19_000 + "x", "BREAK " * 3_000, "(a:" + "1" * 19_000,
    ],
)  # fmt: skip
def test_a_hostile_prompt_is_read_in_no_time(prompt: str) -> None:
    began = time.thread_time()  # others may use the processor meanwhile
    assert parse_attention(prompt)
    assert time.thread_time() - began < 2


def test_brackets_that_cross_each_hold_to_their_own_end() -> None:
    assert read("(a[b:2)c]d") == [
        ("a", 2.0), ("b", round(2 / 1.1, 6)), ("c", round(1 / 1.1, 6)), ("d", 1.0),
    ]  # fmt: skip
