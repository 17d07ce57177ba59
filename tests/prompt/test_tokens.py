from __future__ import annotations

from webui.prompt.tokens import TokenFrame, chunk_tokens

FRAME = TokenFrame(start=100, end=101, padding=102, length=5)


def test_an_empty_text_is_one_row_without_content() -> None:
    assert chunk_tokens([], FRAME).rows == ((100, 101, 102, 102, 102),)


def test_a_short_text_is_framed_and_padded() -> None:
    assert chunk_tokens([1, 2], FRAME).rows == ((100, 1, 2, 101, 102),)


def test_a_text_that_just_fits_stays_in_one_row() -> None:
    assert chunk_tokens([1, 2, 3], FRAME).rows == ((100, 1, 2, 3, 101),)


def test_a_long_text_goes_on_in_the_next_row() -> None:
    chunks = chunk_tokens([1, 2, 3, 4], FRAME)
    assert chunks.rows == ((100, 1, 2, 3, 101), (100, 4, 101, 102, 102))
    assert chunks.cut == 0


def test_what_does_not_fit_is_cut_and_counted() -> None:
    chunks = chunk_tokens(list(range(20)), FRAME, max_chunks=2)
    assert len(chunks.rows) == 2
    assert chunks.cut == 14
