"""What a search field takes is made out, and what it cannot mean is a sentence."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from webui.contracts.errors import BadRequest
from webui.contracts.picture_search import ALL, Phrase, PictureSearch, parse_search, words_of


def _phrase(
    *words: str, text: str = "prompt", whole: bool = False, excluded: bool = False
) -> Phrase:
    return Phrase(text, words, whole, excluded)  # type: ignore[arg-type]


def _moment(*day: int) -> float:
    return datetime(*day).timestamp()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("a Boat", (_phrase("a"), _phrase("boat"))),
        ('"red sail"', (_phrase("red", "sail", whole=True),)),
        ('"not closed', (_phrase("not", "closed", whole=True),)),
        ("-night", (_phrase("night", excluded=True),)),
        ("negative:blur", (_phrase("blur", text="negative"),)),
        ("Model:starter/text", (_phrase("starter", "text", text="model"),)),
        ('-sampler:"DPM++ 2M"', (_phrase("dpm", "2m", text="sampler", whole=True, excluded=True),)),
        ("(cat:1.2)", (_phrase("cat", "1", "2"),)),
        ("colour:red", (_phrase("colour", "red"),)),
        ("Café ЁЖИК", (_phrase("cafe"), _phrase("ежик"))),
        ("黒猫", (_phrase("黒", "猫"),)),
        (" -- !? \"\" ", ()),
        ("seed:", (_phrase("seed"),)),
    ],
)  # fmt: skip
def test_words_quotes_and_keys_are_made_out(text: str, phrases: tuple[Phrase, ...]) -> None:
    assert parse_search(text) == PictureSearch(phrases)


def test_nothing_searches_for_nothing() -> None:
    assert parse_search("") == ALL


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("date:2026-11-27", _moment(2026, 11, 27), _moment(2026, 11, 28)),
        ("date:2024-2", _moment(2024, 2, 1), _moment(2024, 3, 1)),
        ("date:2024", _moment(2024, 1, 1), _moment(2025, 1, 1)),
        ("date:2026-12-31", _moment(2026, 12, 31), _moment(2027, 1, 1)),
        ("after:2026-11-27", _moment(2026, 11, 28), None),
        ("before:2026-11", None, _moment(2026, 11, 1)),
        ("after:2026-01 before:2026-03", _moment(2026, 2, 1), _moment(2026, 3, 1)),
        ("date:2026 before:2026-03", _moment(2026, 1, 1), _moment(2026, 3, 1)),
    ],
)
def test_days_months_and_years_are_spans_of_time(
    text: str, since: float | None, until: float | None
) -> None:
    assert parse_search(text) == PictureSearch((), None, since, until)


def test_a_seed_is_a_number() -> None:
    assert parse_search("seed:7 boat") == PictureSearch((_phrase("boat"),), 7)


@pytest.mark.parametrize(
    "text",
    ["seed:seven", "seed:-1", "seed:" + "9" * 40, "date:today", "date:2026-13", "after:2026-02-30", "before:0000"],
)  # fmt: skip
def test_what_cannot_be_meant_says_how_it_is_written(text: str) -> None:
    with pytest.raises(BadRequest, match=r"in the search .*; write (seed:7|\w+:2026-11-27)"):
        parse_search(text)


def test_a_text_of_any_kind_is_read_in_a_moment() -> None:
    begin = time.thread_time()  # others may use the processor meanwhile
    for text in ('"' * 500, "-" * 500, "a:" * 250, "\u0301" * 500, "\0" * 500, '-a:"' * 125):
        parse_search(text)
        words_of(text)
    assert time.thread_time() - begin < 1
