"""Folders of pictures on the machine itself, below the data folder's `inputs`."""

from __future__ import annotations

import re
from pathlib import Path

from webui.contracts.errors import BadRequest
from webui.services.images import MAX_BYTES

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")


class InputFolders:
    """Lists and reads; nothing outside of its root is reached, be it by a link."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self, name: str) -> tuple[Path, ...]:
        """The pictures of a folder, ordered as people count: 2 before 10; folders in it are left out.

        Raises:
            BadRequest: there is no such folder, or nothing in it.
        """
        root, folder = self._root.resolve(), (self._root / name).resolve()
        if not folder.is_relative_to(root) or not folder.is_dir():
            raise BadRequest(
                f"There is no folder {name[:200]!r} in 'inputs' of the data folder. Make it there and put "
                "the pictures into it."
            )
        found = [file for file in folder.iterdir() if _counts(file, root)]
        if not found:
            raise BadRequest(
                f"The folder {name[:200]!r} has no pictures. Files that end with {', '.join(ENDINGS)} "
                "were expected."
            )
        return tuple(sorted(found, key=_as_counted))


def read_picture_file(file: Path) -> bytes:
    """Its bytes; of a larger file than is taken no more than shows that it is one.

    Raises:
        BadRequest: it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadRequest(f"The file cannot be read ({error.strerror or error}).") from error


def _counts(file: Path, root: Path) -> bool:
    inside = file.resolve().is_relative_to(root)
    return inside and file.suffix.lower() in ENDINGS and file.is_file()


def _as_counted(file: Path) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", file.name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
