from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.prompt.tokens import TokenChunks, TokenFrame, chunk_prompt

FRAME = TokenFrame(start=100, end=101, padding=102, length=5)
LONG = TokenFrame(start=100, end=101, padding=102, length=32, comma=44)
"""Thirty tokens a row; 44 is a comma's code."""


def tokenize(text: str) -> list[int]:
    """A token a letter."""
    return [ord(letter) for letter in text.replace(" ", "")]


def chunks_of(prompt: str, frame: TokenFrame = FRAME, most: int = 40) -> TokenChunks:
    return chunk_prompt(prompt, tokenize, frame, most)


def test_an_empty_text_is_one_row_without_content() -> None:
    assert chunks_of("").rows == ((100, 101, 102, 102, 102),)


def test_a_short_text_is_framed_and_padded() -> None:
    assert chunks_of("ab").rows == ((100, 97, 98, 101, 102),)


def test_a_text_that_just_fits_stays_in_one_row() -> None:
    assert chunks_of("abc").rows == ((100, 97, 98, 99, 101),)


def test_a_long_text_goes_on_in_the_next_row() -> None:
    chunks = chunks_of("abcd")
    assert chunks.rows == ((100, 97, 98, 99, 101), (100, 100, 101, 102, 102))
    assert chunks.cut == 0


def test_what_does_not_fit_is_cut_and_counted() -> None:
    chunks = chunks_of("a" * 20, most=2)
    assert len(chunks.rows) == 2
    assert (chunks.count, chunks.cut) == (20, 14)


def test_each_token_has_its_weight_and_the_frame_has_none() -> None:
    chunks = chunks_of("a(b:2)cd")
    assert chunks.weights == ((1.0, 1.0, 2.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0, 1.0))
    assert not chunks.is_plain
    assert chunks_of("abcd").is_plain


def test_break_ends_a_row() -> None:
    assert chunks_of("a BREAK b").rows == ((100, 97, 101, 102, 102), (100, 98, 101, 102, 102))


def test_a_row_ends_at_a_comma_near_its_end_and_the_rest_moves_on() -> None:
    chunks = chunks_of("a" * 24 + "," + "b" * 10, LONG)
    assert chunks.rows[0][1:26] == (*[97] * 24, 44)
    assert chunks.rows[0][26] == 101
    assert chunks.rows[1][1:11] == (98,) * 10


def test_a_comma_far_from_the_end_of_a_row_does_not_end_it() -> None:
    chunks = chunks_of("aaa," + "b" * 40, LONG)
    assert chunks.rows[0][1:31] == (97, 97, 97, 44, *[98] * 26)


@pytest.mark.parametrize(("place", "moves"), [(54, 0), (55, 19), (73, 1), (74, 0)])
def test_a_comma_ends_a_row_of_75_where_it_is_among_the_last_20(place: int, moves: int) -> None:
    """AUTOMATIC1111 asks of a full row: 75 - place of the last comma <= 20, counted from 0.

    At 54 that is 21, so the row stays full; at 55 it is 20, and the 19 tokens behind it move on.
    """
    frame = TokenFrame(start=100, end=101, padding=102, length=77, comma=44)
    first, second = chunks_of("a" * place + "," + "b" * (76 - place), frame).rows
    assert sum(token < 100 for token in first) == 75 - moves
    assert first[place + 1] == 44
    assert second[1 : 4 + moves] == (*[98] * (2 + moves), 101)


def test_a_comma_that_finds_its_row_full_moves_nothing() -> None:
    chunks = chunks_of("a" * 25 + ",bbbb,c", LONG)
    assert chunks.rows[0][1:31] == (*[97] * 25, 44, *[98] * 4)
    assert chunks.rows[1][1:3] == (44, 99)


def test_a_block_that_finds_its_row_full_goes_on_behind_what_the_comma_moved() -> None:
    text = "a" * 25 + ",bbbb Cloud"
    chunks = chunk_prompt(text, tokenize, LONG, blocks={"cloud": (-1, -2)})
    assert chunks.rows[0][1:28] == (*[97] * 25, 44, 101)
    assert chunks.rows[1][1:8] == (*[98] * 4, -1, -2, 101)


@given(st.text(alphabet="ab,()[]: BREAK", max_size=200))
def test_no_token_is_lost_or_doubled_however_rows_end(prompt: str) -> None:
    whole, parted = (chunks_of(prompt, frame, 1000) for frame in (LONG, FRAME))
    content = [
        [token for row in chunks.rows for token in row if token not in (100, 101, 102)]
        for chunks in (whole, parted)
    ]
    assert content[0] == content[1]
    assert whole.count == parted.count == len(content[0])
    assert all(len(row) == 32 for row in whole.rows)


def test_ignored_emphasis_has_no_weights_and_no_emphasis_reads_brackets() -> None:
    ignored = chunk_prompt("a(b:2)", tokenize, LONG, emphasis="Ignore")
    assert ignored.is_plain
    assert ignored.rows == chunks_of("ab", LONG).rows
    literal = chunk_prompt("a(b:2) BREAK c", tokenize, LONG, emphasis="None")
    assert literal.is_plain
    assert literal.rows == (
        (100, *map(ord, "a(b:2)BREAKc"), 101, *[102] * 18),
    )  # fmt: skip


def test_a_block_stands_for_its_name_with_the_weight_of_its_words() -> None:
    chunks = chunk_prompt("a (Cloud:2)", tokenize, FRAME, blocks={"cloud": (-1, -2)})
    assert chunks.rows == ((100, 97, -1, -2, 101),)
    assert chunks.weights == ((1.0, 1.0, 2.0, 2.0, 1.0),)


def test_a_block_that_does_not_fit_a_row_moves_on_whole() -> None:
    chunks = chunk_prompt("ab cloud", tokenize, FRAME, blocks={"cloud": (-1, -2)})
    assert chunks.rows == ((100, 97, 98, 101, 102), (100, -1, -2, 101, 102))
