"""Rows of tokens for a text encoder of fixed length, from a text of any length.

A CLIP text encoder reads a fixed number of positions (77 in Stable Diffusion): a start token,
content, an end token and padding. A longer text is cut into several such rows, each is encoded by
itself, and the network attends to all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_CHUNKS = 40
"""Rows of one text at most: about 10,000 characters of English."""


@dataclass(frozen=True)
class TokenFrame:
    """What stands around the content of a row."""

    start: int
    """Token id at the head of each row."""
    end: int
    """Token id after the content."""
    padding: int
    """Token id that fills the rest."""
    length: int
    """Tokens in a row, start and end included."""

    @property
    def content(self) -> int:
        """Tokens of the text that fit in one row."""
        return self.length - 2


@dataclass(frozen=True)
class TokenChunks:
    """A text as rows of equal length."""

    rows: tuple[tuple[int, ...], ...]
    """At least one; an empty text is one row without content."""
    cut: int
    """Tokens of the text that were left out because the rows were full."""


def chunk_tokens(
    ids: Sequence[int], frame: TokenFrame, max_chunks: int = MAX_CHUNKS
) -> TokenChunks:
    """Lay token ids (without start and end) into framed rows.

    Never fails: what does not fit `max_chunks` rows is left out and counted.
    """
    kept = ids[: max_chunks * frame.content]
    starts = range(0, max(len(kept), 1), frame.content)
    rows = tuple(_framed(kept[start : start + frame.content], frame) for start in starts)
    return TokenChunks(rows, len(ids) - len(kept))


def _framed(content: Sequence[int], frame: TokenFrame) -> tuple[int, ...]:
    padding = frame.content - len(content)
    return (frame.start, *content, frame.end, *[frame.padding] * padding)
