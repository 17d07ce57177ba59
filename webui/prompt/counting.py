"""How many tokens a prompt is, at its longest moment, and how many there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from webui.contracts.adapter import AdapterInfo
from webui.prompt.reading import read_text
from webui.prompt.timeline import split_parts, stages_of
from webui.prompt.tokens import TokenChunks, TokenFrame, chunk_prompt

MAX_SAID = 200
"""Different texts of one prompt that are counted; one that changes more often changes little each time."""


@dataclass(frozen=True)
class TokenCount:
    """What a prompt takes of its rows."""

    places: int
    """Places up to its last token, with those that a row which ends early leaves empty."""
    room: int
    """Places in the rows that it takes: 75, 150, ..."""
    tokens: int
    """Tokens of the prompt at its longest moment."""
    cut: int
    """Those of them that are too many for all rows."""


@dataclass(frozen=True)
class TextCounter:
    """Counts the tokens of prompts for one text encoder."""

    tokenize: Callable[[str], Sequence[int]]
    frame: TokenFrame
    steps: int = 20
    """Of the sampler, for prompts that change on the way."""
    emphasis: str = "Original"
    embeddings: Mapping[str, int] | None = None
    """Lower-case name to vectors."""

    def count(self, prompt: str) -> TokenCount:
        """The longest of what the prompt says on its way and in its parts."""
        text = read_text(prompt)
        said = dict.fromkeys(
            stage.text for part in split_parts(text) for stage in stages_of(part.text, self.steps)
        )
        counts = [self._of(self._chunks(each)) for each in list(said)[:MAX_SAID]]
        return max(counts, key=lambda count: (count.cut, count.places))

    def _chunks(self, text: str) -> TokenChunks:
        blocks = {name: [-1] * vectors for name, vectors in (self.embeddings or {}).items()}
        return chunk_prompt(text, self.tokenize, self.frame, None, self.emphasis, blocks)

    def _of(self, chunks: TokenChunks) -> TokenCount:
        content, rows = self.frame.content, len(chunks.rows)
        return TokenCount(
            content * (rows - 1) + chunks.last, content * rows, chunks.count, chunks.cut
        )


def vectors_of(adapters: Iterable[AdapterInfo]) -> dict[str, int]:
    """Lower-case names of the embeddings among some adapters, and how many places each takes."""
    return {info.name.lower(): info.vectors for info in adapters if info.kind == "embedding"}
