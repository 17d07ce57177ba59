"""A picture just before it is stored, and what extensions may say about it then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from webui.contracts.ids import JobId, PictureId
from webui.contracts.infotext import NO_HASHES, FileHashes
from webui.contracts.preferences import USUAL_PATTERN
from webui.contracts.request import GenerationRequest

PROBLEMS = "Easel problems"
"""Keyword of the text in a picture that names the extensions that failed on it."""
LONGEST_NAME = 400
"""Bytes of a picture's file name, with the folders in it."""


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
    problems: tuple[str, ...] = ()
    """What went wrong in extensions so far, a sentence each; it has no part in them."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Further keys of the picture's text, that extensions add."""


@dataclass(frozen=True)
class TextChunk:
    """One text that is written into a picture's file."""

    keyword: str
    """1 to 79 Latin-1 characters, as PNG demands: 'parameters'."""
    text: str


@dataclass(frozen=True)
class FileName:
    """How a picture's file is called."""

    name: str
    """The path below the outputs folder, '/' separated, without its ending."""
    problems: tuple[str, ...] = ()
    """Which extensions failed to give one before, a sentence each."""


def file_name_fault(name: str) -> str:
    """What is wrong with a picture's name, as a sentence; empty where nothing is."""
    parts = PurePosixPath(name).parts
    plain = all(p[0] != "." and not set(p) & set('\\:*?"<>|\0') for p in parts)
    if parts and not name.startswith("/") and plain and len(name.encode()) <= LONGEST_NAME:
        return ""
    return (
        f"The name {name[:200]!r} was given; a path below the outputs folder was expected, with '/' between its "
        f"parts, none of them hidden, of at most {LONGEST_NAME} bytes."
    )


class PictureHooks(Protocol):
    """What the gallery asks before it stores a picture; the hook host answers."""

    def change_metadata(self, draft: PictureDraft) -> PictureDraft:
        """The draft as it is told: in the file, beside it and by its name."""
        ...

    def picture_metadata(self, draft: PictureDraft) -> tuple[TextChunk, ...]:
        """The texts to write into the file."""
        ...

    def picture_file_name(self, draft: PictureDraft) -> FileName:
        """How the file is called; the draft that the texts are asked for has its problems."""
        ...
