"""Several pictures as one ZIP file, which is made while it is sent."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_PIECE = 2**20
"""Bytes that are held at a time."""


def archive(files: Sequence[Path]) -> Iterator[bytes]:
    """The bytes of a ZIP file, piece by piece; pictures are small already and stored as they are.

    Of files of the same name in different folders the later ones have a number behind it.

    Raises:
        OSError: a file cannot be read any more; what was sent by then is no whole ZIP file.
    """
    sent = _Sink()
    with zipfile.ZipFile(sent, "w") as packed:  # type: ignore[call-overload]  # write and flush suffice
        for name, path in _named(files):
            entry = zipfile.ZipInfo.from_file(path, name)
            with path.open("rb") as file, packed.open(entry, "w") as into:
                while piece := file.read(_PIECE):
                    into.write(piece)
                    yield sent.taken()
            yield sent.taken()
    yield sent.taken()


def _named(files: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    seen: set[str] = set()
    for path in files:
        name, number = path.name, 1
        while name.casefold() in seen:
            number += 1
            name = f"{path.stem}-{number}{path.suffix}"
        seen.add(name.casefold())
        yield name, path


class _Sink:
    """What was written and not sent yet."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def taken(self) -> bytes:
        """All of it, which is not held any more."""
        held, self._held = bytes(self._held), bytearray()
        return held
