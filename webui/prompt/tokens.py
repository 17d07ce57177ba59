"""Rows of tokens for a text encoder of fixed length, from a prompt of any length.

A CLIP text encoder reads a fixed number of positions (77 in Stable Diffusion): a start token,
content, an end token and padding. A longer prompt is cut into several such rows, each is encoded by
itself, and the network attends to all of them. Rows end early at the word BREAK, and at a comma near
their end, so that a phrase is not torn in two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from webui.prompt.attention import Weighted, parse_attention
from webui.prompt.embeddings import parts_of

MAX_CHUNKS = 40
"""Rows of one text at most: about 10,000 characters of English."""
BACKTRACK = 20
"""Among how many last tokens of a full row a comma ends it (AUTOMATIC1111's default): up to 19 move on."""

NO_BLOCKS: Mapping[str, Sequence[int]] = MappingProxyType({})


@dataclass(frozen=True)
class TokenFrame:
    """What stands around the content of a row."""

    start: int | None
    """Token id at the head of each row; None where there is none, as with T5."""
    end: int
    """Token id after the content."""
    padding: int
    """Token id that fills the rest."""
    length: int
    """Tokens in a row, start and end included."""
    comma: int | None = None
    """Token id of a comma, where a row may end early; None where there is none."""
    most_rows: int = MAX_CHUNKS
    """Of one text; where it is 1 the word BREAK ends nothing."""

    @property
    def content(self) -> int:
        """Tokens of the text that fit in one row."""
        return self.length - 1 - len(self.head)

    @property
    def head(self) -> tuple[int, ...]:
        """What a row begins with."""
        return () if self.start is None else (self.start,)


@dataclass(frozen=True)
class TokenChunks:
    """A prompt as rows of equal length."""

    rows: tuple[tuple[int, ...], ...]
    """At least one; an empty prompt is one row without content."""
    weights: tuple[tuple[float, ...], ...]
    """Of each token of the rows; 1 for the frame."""
    count: int
    """Tokens of the prompt."""
    cut: int
    """Those of them that were left out because the rows were full."""
    last: int = 0
    """Tokens of the prompt in the last row that is kept."""

    @property
    def is_plain(self) -> bool:
        """Whether every weight is 1."""
        return all(weight == 1 for row in self.weights for weight in row)


def chunk_prompt(
    prompt: str,
    tokenize: Callable[[str], Sequence[int]],
    frame: TokenFrame,
    max_chunks: int | None = None,
    emphasis: str = "Original",
    blocks: Mapping[str, Sequence[int]] = NO_BLOCKS,
) -> TokenChunks:
    """Lay a prompt, weights read and taken out, into framed rows.

    Never fails: what does not fit the rows is left out and counted.

    Args:
        prompt: Without comments and tags.
        tokenize: Token ids of a text, without start and end.
        frame: Of the text encoder.
        max_chunks: Rows at most; None leaves it to the frame.
        emphasis: With 'Ignore' all weights are 1; with 'None' brackets and BREAK are text.
        blocks: Embeddings: lower-case name to the tokens that stand for it, which stay in one row.
    """
    layout = _Layout(frame)
    runs = (Weighted(prompt),) if emphasis == "None" else parse_attention(prompt)
    for run in runs:
        if run.breaks:
            if frame.most_rows > 1:
                layout.end_row()
            continue
        weight = 1.0 if emphasis == "Ignore" else run.weight
        for text, name in parts_of(run.text, blocks):
            if name is not None:
                layout.add_block(blocks[name], weight)
                continue
            for token in tokenize(text):
                layout.add(token, weight)
    rows = layout.finished()
    kept = rows[: frame.most_rows if max_chunks is None else max_chunks]
    count = sum(len(row) for row in rows)
    return TokenChunks(
        rows=tuple(_framed([token for token, _ in row], frame) for row in kept),
        weights=tuple(_framed_weights([weight for _, weight in row], frame) for row in kept),
        count=count,
        cut=count - sum(len(row) for row in kept),
        last=len(kept[-1]),
    )


class _Layout:
    """Rows that fill up, token by token."""

    def __init__(self, frame: TokenFrame) -> None:
        self._frame = frame
        self._done: list[list[tuple[int, float]]] = []
        self._row: list[tuple[int, float]] = []
        self._comma = -1  # place of the last comma of the present row; none is -1

    def add(self, token: int, weight: float) -> None:
        """One more token; a full row ends first, at its last comma where one is near."""
        self._make_room(token)
        if token == self._frame.comma:
            self._comma = len(self._row)
        self._row.append((token, weight))

    def add_block(self, tokens: Sequence[int], weight: float) -> None:
        """Tokens that belong together: into the next row where they would not fit this one."""
        self._make_room(None)
        if self._row and len(self._row) + len(tokens) > self._frame.content:
            self.end_row()
        for token in tokens:
            self.add(token, weight)

    def _make_room(self, token: int | None) -> None:
        """End a full row; what stands behind a near comma moves on, unless the next token is itself a comma."""
        if len(self._row) < self._frame.content:
            return
        near = self._comma >= 0 and self._frame.content - self._comma <= BACKTRACK
        torn = self._row[self._comma + 1 :] if near and token != self._frame.comma else []
        del self._row[len(self._row) - len(torn) :]
        self.end_row()
        self._row = torn

    def end_row(self) -> None:
        """Begin a new row, however empty the present one is."""
        self._done.append(self._row)
        self._row, self._comma = [], -1

    def finished(self) -> list[list[tuple[int, float]]]:
        """All rows, the present one too; at least one."""
        return [*self._done, self._row] if self._row or not self._done else self._done


def _framed(content: Sequence[int], frame: TokenFrame) -> tuple[int, ...]:
    padding = frame.content - len(content)
    return (*frame.head, *content, frame.end, *[frame.padding] * padding)


def _framed_weights(content: Sequence[float], frame: TokenFrame) -> tuple[float, ...]:
    framed = (*[1.0] * len(frame.head), *content)
    return (*framed, *[1.0] * (frame.length - len(framed)))
