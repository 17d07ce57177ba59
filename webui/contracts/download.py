"""Files of models that are fetched from elsewhere: what a source offers, and how far a download is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from webui.contracts.ids import DownloadId

Kind = Literal[
    "model", "lora", "embedding", "controlnet", "vae", "upscaler", "hypernetwork", "image_encoder"
]
FOLDERS: Mapping[Kind, str] = {
    "model": "checkpoints",
    "lora": "loras",
    "embedding": "embeddings",
    "controlnet": "controlnet",
    "vae": "vae",
    "upscaler": "upscalers",
    "hypernetwork": "hypernetworks",
    "image_encoder": "image_encoders",
}
"""What can be installed, and the folder below `models/` in which each kind is put."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be fetched."""

    path: str
    """Where it goes below the download's place, '/' separated; never leads out of it."""
    url: str
    bytes: int | None = None
    """None where the source does not say."""
    sha256: str | None = None
    """Hex; None where the source does not say."""
    is_chosen: bool = True
    """Whether it is fetched unless somebody chooses otherwise."""


@dataclass(frozen=True)
class Offer:
    """What a source has, before anything of it is fetched."""

    source: str
    """With its revision pinned: asking for it again gives the same files."""
    title: str
    kind: Kind
    name: str
    """The folder's or, without its ending, the file's name that is proposed."""
    files: tuple[RemoteFile, ...]
    is_folder: bool = False
    """Whether the files belong together in a folder of their own."""
    base: str = ""
    """What it is made for, as the source says, such as 'SD 1.5'."""
    triggers: tuple[str, ...] = ()
    """Words that call it, as the source says."""


@dataclass(frozen=True)
class Order:
    """What of a source is to be fetched."""

    source: str
    files: tuple[str, ...] | None = None
    """Paths of an offer; None: those that it chose."""
    kind: Kind | None = None
    """None: as the offer says."""
    name: str | None = None
    """None: as the offer says."""
    sha256: str | None = None
    """What the one file must have, where its source does not say."""


class DownloadState(str, Enum):
    """Where a download is. A restart goes on with the first two."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self not in (DownloadState.WAITING, DownloadState.RUNNING)


@dataclass(frozen=True)
class Download:
    """A snapshot of a download."""

    id: DownloadId
    source: str
    title: str
    kind: Kind
    target: str
    """Folder or file below `models/`, '/' separated, where it will be, whole."""
    files: tuple[RemoteFile, ...]
    state: DownloadState
    is_folder: bool = False
    base: str = ""
    triggers: tuple[str, ...] = field(default=())
    bytes_done: int = 0
    bytes_per_second: float | None = None
    """Of the last seconds; None while nothing moves."""
    error: str | None = None
    """A sentence, when failed."""
    created: float = 0.0
    finished: float | None = None

    @property
    def bytes_total(self) -> int | None:
        """Of all files; None while a source has not said."""
        sizes = [file.bytes for file in self.files]
        return sum(s for s in sizes if s is not None) if None not in sizes else None

    @property
    def seconds_left(self) -> float | None:
        """At the present speed; None where that cannot be told."""
        if self.bytes_total is None or not self.bytes_per_second:
            return None
        return max(self.bytes_total - self.bytes_done, 0) / self.bytes_per_second
