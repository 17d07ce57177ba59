"""How a text encoder is to read a text: what is beside the words and their order."""

from __future__ import annotations

from dataclasses import dataclass

from webui.contracts.parameters.words import EMPHASES
from webui.engine.adapters.embedding import LoadedEmbedding


@dataclass(frozen=True, eq=False)
class Reading:
    """One manner of reading."""

    emphasis: str = EMPHASES[0]
    """What weights do, as `GenerationRequest.emphasis` has it."""
    embeddings: tuple[LoadedEmbedding, ...] = ()
    """Vectors that are read where a text has their name."""
    clip_skip: int = 1
    """Which layer from the end of the text encoder is its answer."""

    @property
    def key(self) -> object:
        """Equal for readings that give equal encodings; keeps no weights alive."""
        return self.emphasis, tuple(e.key for e in self.embeddings), self.clip_skip


PLAIN = Reading()
