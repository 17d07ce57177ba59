"""Prompts that change."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.prompt.timeline import Part, split_parts, stages_of


def said(prompt: str, steps: int = 10) -> list[tuple[int, str]]:
    return [(stage.until, stage.text) for stage in stages_of(prompt, steps)]


@pytest.mark.parametrize(
    ("prompt", "stages"),
    [
        ("test", [(10, "test")]),
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3]", [(3, "a "), (10, "a b")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
        ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("[a|(b:1.1)]", [(i, "a" if i % 2 else "(b:1.1)") for i in range(1, 11)]),
        ("[fe|]male", [(i, "female" if i % 2 else "male") for i in range(1, 11)]),
        ("a [b::8]", [(8, "a b"), (10, "a ")]),
        ("[a:b:0]", [(10, "b")]),
        ("[a:b:40]", [(10, "a")]),
        ("[a:b:1.0]", [(10, "a")]),
        (r"\[a:b:3\]", [(10, r"\[a:b:3\]")]),
        ("[plain] [a:b]", [(10, "[plain] [a:b]")]),
    ],
)
def test_it_is_read_as_users_of_the_field_know_it(
    prompt: str, stages: list[tuple[int, str]]
) -> None:
    assert said(prompt) == stages


def test_parts_are_joined_by_and_and_may_have_weights() -> None:
    assert split_parts("a cat :1.2 AND a dog AND sand: -0.5") == (
        Part("a cat ".rstrip(), 1.2), Part(" a dog "), Part(" sand", -0.5),
    )  # fmt: skip
    assert split_parts("a BAND plays") == (Part("a BAND plays"),)


@given(st.text(alphabet="ab:|[]().0123456789\\ ", max_size=40), st.integers(1, 30))
def test_reading_never_fails_and_every_step_has_a_text(prompt: str, steps: int) -> None:
    stages = stages_of(prompt, steps)
    assert stages[-1].until == steps
    assert all(a.until < b.until for a, b in itertools.pairwise(stages))
    assert all(a.text != b.text for a, b in itertools.pairwise(stages))


STEPS = 6
Said = tuple[str, tuple[str, ...]]
"""A prompt, and what it says at each step."""


def _changing(inner: st.SearchStrategy[Said]) -> st.SearchStrategy[Said]:
    """Square brackets around some of these."""
    shares = st.sampled_from(["", ".0", "/"])
    times = st.tuples(st.integers(0, STEPS + 2), shares).map(_time)
    change = st.tuples(inner, inner, times).map(_change)
    adds = st.tuples(inner, times).map(lambda a: _change((("", ("",) * STEPS), a[0], a[1]), ""))
    return change | adds | st.lists(inner, min_size=2, max_size=4).map(_alternate)


def _time(drawn: tuple[int, str]) -> tuple[str, int]:
    """As it is written, and the last step before it: whole numbers are steps, those with a point shares."""
    step, form = drawn
    if form == "/":
        return f"{(step + 0.5) / STEPS:.6f}", step
    return (f" {step} ", step) if not form else (f"{step}.0", step * STEPS)


def _change(drawn: tuple[Said, Said, tuple[str, int]], colon: str = ":") -> Said:
    (before, befores), (after, afters), (written, last) = drawn
    said = (*befores[:last], *afters[last:])
    return f"[{before}{colon}{after}:{written}]", said


def _alternate(options: list[Said]) -> Said:
    said = tuple(options[k % len(options)][1][k] for k in range(STEPS))
    return f"[{'|'.join(text for text, _ in options)}]", said


def _joined(parts: list[Said]) -> Said:
    said = tuple("".join(texts) for texts in zip(*(said for _, said in parts), strict=True))
    return "".join(text for text, _ in parts), said


WORDS = st.text(alphabet="ab ,.", max_size=4).map(lambda text: (text, (text,) * STEPS))
CHANGING = st.recursive(
    WORDS,
    lambda inner: st.lists(_changing(inner) | WORDS, min_size=1, max_size=3).map(_joined),
    max_leaves=8,
)


@given(CHANGING)
def test_what_is_written_to_change_is_read_as_it_was_meant(said: Said) -> None:
    """Whatever nests in whatever: each step's text is worked out beside the prompt, and must be what is read."""
    prompt, steps = said
    stages = stages_of(prompt, STEPS)
    read = [next(stage.text for stage in stages if stage.until > k) for k in range(STEPS)]
    assert read == list(steps)


@given(st.text(alphabet="ab ,.()", max_size=30))
def test_a_text_without_square_brackets_never_changes(prompt: str) -> None:
    assert [stage.text for stage in stages_of(prompt, 7)] == [prompt]


def test_a_second_pass_counts_on() -> None:
    def said(prompt: str) -> list[tuple[int, str]]:
        return [(stage.until, stage.text) for stage in stages_of(prompt, 10, after=20)]

    assert said("[a:b:0.5]") == [(10, "b")]
    assert said("[a:b:1.5]") == [(5, "a"), (10, "b")]
    assert said("[a:b:24]") == [(4, "a"), (10, "b")]
    assert said("[a:b:12]") == [(10, "b")]
    assert said("[a:b:2.5]") == [(10, "a")]


def test_by_the_old_rule_a_number_below_one_is_a_share_and_a_second_pass_is_as_the_first() -> None:
    def said(prompt: str, after: int = 0) -> list[tuple[int, str]]:
        return [(s.until, s.text) for s in stages_of(prompt, 10, after, old=True)]

    assert said("[a:b:0.5]") == [(5, "a"), (10, "b")]
    assert said("[a:b:.25]") == [(2, "a"), (10, "b")]
    assert said("[a:b:4.0]") == [(4, "a"), (10, "b")]  # by the new one a share of 4
    assert said("[a:b:1.0]") == [(1, "a"), (10, "b")]
    assert said("[a:b:4]", after=20) == [(4, "a"), (10, "b")]
    assert said("[a:b:0.25]", after=20) == [(5, "a"), (10, "b")]  # of the first's 20
    assert said("[a:b:0.75]", after=20) == [(10, "a")]


HOSTILE = (
    "[" * 20_000, "[a:" * 6_600, "[a:" * 3_000 + "b" + ":1]" * 3_000,
    "[a|" * 3_000 + "b" + "]" * 3_000, "[]" * 10_000, "a" + " " * 19_000 + "x", "AND " * 5_000,
)  # fmt: skip


@pytest.mark.parametrize("prompt", HOSTILE)
def test_a_hostile_prompt_is_read_in_no_time(prompt: str) -> None:
    began = time.thread_time()  # others may use the processor meanwhile
    for part in split_parts(prompt):
        assert stages_of(part.text, 20)
    assert time.thread_time() - began < 2


def test_changes_deeper_than_anybody_writes_are_text() -> None:
    deep = "[a:" * 60 + "b" + ":1]" * 60
    assert said(deep)[-1][1].startswith("[a:[a:")
    assert said("[a:" * 40 + "b" + ":1]" * 40)[-1] == (10, "b")
