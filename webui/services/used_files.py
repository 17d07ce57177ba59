"""The files of models that a worker has in use, and which of them were written to meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.messages import WorkerGone

MAPPING_FAULT = "SIGBUS"
"""How a process ends that touches what a mapped file has no more."""
_Stamp = tuple[int, int, int, int]


class UsedFiles:
    """Looks at files when a worker is first told of them; of one life of a worker."""

    def __init__(self) -> None:
        self._stamps: dict[Path, _Stamp] = {}

    def note(self, *things: CheckpointInfo | AdapterInfo) -> None:
        """The worker is told to use these models and adapters."""
        for thing in things:
            for path in _files(thing):
                if path not in self._stamps and (stamp := _stamp(path)) is not None:
                    self._stamps[path] = stamp

    def why(self, event: WorkerGone) -> str:
        """The worker's reason to end, with the file that brought it about where one did; what was noted is forgotten."""
        stamps, self._stamps = self._stamps, {}
        if event.signal != MAPPING_FAULT:
            return event.reason
        for path, before in stamps.items():
            now = _stamp(path)
            if now is not None and now[:2] == before[:2] and now != before:
                return (
                    f"{event.reason} The file {str(path)!r} was changed in place while it was in use: it had {before[2]:,} "
                    f"bytes, and has {now[2]:,}. Write a model beside the old one and rename it; if this one is incomplete, "
                    "put it there again."
                )
        return event.reason


def _files(thing: CheckpointInfo | AdapterInfo) -> Iterator[Path]:
    parts = thing.parts if isinstance(thing, CheckpointInfo) else ()
    for path in map(Path, (thing.path, *dict(parts).values())):
        try:
            yield from sorted(path.iterdir()) if path.is_dir() else [path]
        except OSError:
            continue  # who loads it says so


def _stamp(path: Path) -> _Stamp | None:
    """Device and number of a file, its size and the time of its last writing; None for what is no file."""
    try:
        told = path.stat()
    except OSError:
        return None
    if not path.is_file():
        return None
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns
