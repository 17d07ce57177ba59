"""Counts of tokens as the page shows them."""

from __future__ import annotations

import pytest

from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.prompt.counting import TextCounter, TokenCount, vectors_of
from webui.prompt.tokens import MAX_CHUNKS, TokenFrame

FRAME = TokenFrame(start=0, end=1, padding=1, length=77, comma=2)


def tokenize(text: str) -> list[int]:
    """A token a word; a comma is one."""
    return [2 if word == "," else 9 for word in text.replace(",", " , ").split()]


def count(prompt: str, **options: object) -> TokenCount:
    return TextCounter(tokenize, FRAME, **options).count(prompt)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prompt", "places", "room"),
    [
        ("", 0, 75),
        ("a (red:1.2) boat", 3, 75),
        ("a boat # with a comment", 2, 75),
        ("a <lora:x:1> boat", 2, 75),
        ("word " * 75, 75, 75),
        ("word " * 76, 76, 150),
        ("a BREAK b", 76, 150),
        ("word " * 70 + ", " + "word " * 10, 85, 150),
        ("a [b c d:e:0.5]", 4, 75),
        ("a b c AND d", 3, 75),
    ],
)
def test_places_and_room(prompt: str, places: int, room: int) -> None:
    found = count(prompt)
    assert (found.places, found.room, found.cut) == (places, room, 0)


def test_what_is_too_long_is_said() -> None:
    found = count("word " * (75 * MAX_CHUNKS + 8))
    assert (found.tokens, found.cut) == (75 * MAX_CHUNKS + 8, 8)


def test_an_embedding_takes_its_vectors_and_stays_in_one_row() -> None:
    assert count("a chalk boat", embeddings={"chalk": 4}).places == 6
    whole = count("word " * 73 + "chalk", embeddings={"chalk": 4})
    assert (whole.places, whole.tokens) == (79, 77)


def test_without_emphasis_brackets_are_words() -> None:
    assert count("a ( boat )", emphasis="None").places == 4
    assert count("a BREAK b", emphasis="None").places == 3


def test_embeddings_are_known_by_the_last_part_of_their_id() -> None:
    infos = [
        AdapterInfo(AdapterId("embeddings/Chalk"), "embedding", "x", "x", 1, vectors=3),
        AdapterInfo(AdapterId("loras/other"), "lora", "x", "x", 1),
    ]
    assert vectors_of(infos) == {"chalk": 3}
