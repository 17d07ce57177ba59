"""The grammar of an axis's values."""

from __future__ import annotations

import pytest

from webui.contracts.errors import BadRequest
from webui.contracts.plot import MAX_CELLS, AxisChoice, AxisKind, AxisValue
from webui.services.plots.values import joined, read_values, written


def read(text: str, kind: AxisKind = "whole") -> tuple[AxisValue, ...]:
    return read_values(AxisChoice(axis="steps", values=text), kind, "Steps")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2,3", (1, 2, 3)),
        ("1-5", (1, 2, 3, 4, 5)),
        ("1-10 (+3)", (1, 4, 7, 10)),
        ("10-1 (-3)", (10, 7, 4, 1)),
        ("5-3", (5, 4, 3)),
        ("1-10 [4]", (1, 4, 7, 10)),
        ("1-10 [1]", (1,)),
        ("7, 1-2, 9", (7, 1, 2, 9)),
        ("-1", (-1,)),
        ("-2-1", (-2, -1, 0, 1)),
    ],
)
def test_whole_numbers_are_read_as_automatic1111_reads_them(
    text: str, values: tuple[int, ...]
) -> None:
    assert read(text) == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.1, .5", (0.1, 0.5)),
        ("0-1 (+0.25)", (0, 0.25, 0.5, 0.75, 1)),
        ("0.1-0.3 (+0.1)", (0.1, 0.2, 0.3)),
        ("0-1 [3]", (0, 0.5, 1)),
        ("1-3", (1, 2, 3)),
    ],
)
def test_numbers_with_a_point_are_read_to_the_digit(text: str, values: tuple[float, ...]) -> None:
    assert read(text, "number") == values


def test_texts_keep_the_commas_within_their_quotes() -> None:
    assert read('"a cat, asleep", a dog', "text") == ("a cat, asleep", "a dog")
    assert read(joined(("a, b", "c")), "text") == ("a, b", "c")


def test_a_range_of_texts_is_a_text() -> None:
    assert read("1-5", "text") == ("1-5",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no values"),
        ("one", "'one'; a whole number"),
        ("1-5 (-1)", "would never arrive"),
        ("1-1000000000", f"over {MAX_CELLS} values"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said.replace("(", r"\(")):
        read(text)


def test_a_legend_leaves_out_what_says_nothing() -> None:
    assert [written(value) for value in (7.0, 0.25, 3, "Euler")] == ["7", "0.25", "3", "Euler"]
