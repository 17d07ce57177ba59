"""A picture just before it is stored, and what extensions may say about it then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from webui.contracts.ids import JobId, PictureId
from webui.contracts.infotext import NO_HASHES, FileHashes
from webui.contracts.preferences import USUAL_PATTERN
from webui.contracts.request import GenerationRequest


@dataclass(frozen=True)
class PictureDraft:
    """A finished picture that has no file yet."""

    id: PictureId
    job_id: JobId
    index: int
    """0-based place within its job."""
    request: GenerationRequest
    """The order for exactly this picture: its own seed, its size, count 1."""
    created: float
    """Seconds since the epoch."""
    hashes: FileHashes = NO_HASHES
    """Of the files that it was drawn with, as far as they are known."""
    precision: str = ""
    """'bfloat16' where it was drawn in that instead of the usual precision."""
    pattern: str = USUAL_PATTERN
    """How the person wants files to be named."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Further keys of the picture's text, that extensions add."""


@dataclass(frozen=True)
class TextChunk:
    """One text that is written into a picture's file."""

    keyword: str
    """1 to 79 Latin-1 characters, as PNG demands: 'parameters'."""
    text: str


class PictureHooks(Protocol):
    """What the gallery asks before it stores a picture; the hook host answers."""

    def change_metadata(self, draft: PictureDraft) -> PictureDraft:
        """The draft as it is told: in the file, beside it and by its name."""
        ...

    def picture_metadata(self, draft: PictureDraft) -> tuple[TextChunk, ...]:
        """The texts to write into the file."""
        ...

    def picture_file_name(self, draft: PictureDraft) -> str:
        """The path below the outputs folder, '/' separated, without its ending."""
        ...
