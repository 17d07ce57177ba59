"""Wildcards: text files of entries, one a line, that a prompt names as __name__.

What stands behind a # is a comment. A line may have a weight before it (`0.5::red`), and choices and
other wildcards in it. A file in a folder is named with the folder: __animals/cats__.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path

from webui.contracts.errors import BadRequest, UnknownWildcard
from webui.prompt.choices import Option, parse_entry
from webui.prompt.comments import strip_comments
from webui.prompt.drawing import Entries

MAX_BYTES = 16 * 2**20
"""Of one file; a larger one is left out."""
MAX_FILES = 10_000


class WildcardStore:
    """The files below some folders; read when asked for, and anew when they change."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Of two files of one name that in the earlier folder counts; a folder need not exist."""
        self._folders = tuple(folders)
        self._read: dict[Path, tuple[tuple[int, int], Sequence[Option]]] = {}

    def names(self) -> tuple[str, ...]:
        """What a prompt can name, sorted."""
        return tuple(sorted(self._files()))

    def entries(self) -> Entries:
        """The wildcards as they are now, for one request: it sees the same files throughout."""
        files = self._files()
        known: dict[str, Sequence[Option]] = {}

        def look_up(name: str) -> Sequence[Option]:
            if name not in known:
                known[name] = [
                    option for wanted in _matching(name, files) for option in self._options(wanted)
                ]
            return known[name]

        return look_up

    def _files(self) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for folder in self._folders:
            for file in _texts(folder):
                files.setdefault(file.relative_to(folder).with_suffix("").as_posix(), file)
        return files

    def _options(self, file: Path) -> Sequence[Option]:
        try:
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if self._read.get(file, (None, ()))[0] != stamp:
                text = file.read_text(encoding="utf-8-sig", errors="replace")
                self._read[file] = (stamp, [parse_entry(line) for line in _lines(text)])
        except OSError as error:
            raise BadRequest(f"The wildcard file {str(file)!r} cannot be read: {error}.") from error
        return self._read[file][1]


def _texts(folder: Path) -> Iterator[Path]:
    """Text files below a folder, not too many and none too large, sorted."""
    found = (f for f in folder.rglob("*.txt") if not f.name.startswith(".") and f.is_file())
    for i, file in enumerate(sorted(found)):
        if i < MAX_FILES and file.stat().st_size <= MAX_BYTES:
            yield file


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if entry := strip_comments(line).strip():
            yield entry


def _matching(name: str, files: dict[str, Path]) -> Sequence[Path]:
    """Files of a name, whose capitals do not count; with * all that it fits, slashes too."""
    if name in files:
        return [files[name]]
    wanted = name.lower()
    found = [file for known, file in files.items() if fnmatch.fnmatchcase(known.lower(), wanted)]
    if found:
        return found
    near = difflib.get_close_matches(name, list(files), n=3, cutoff=0.4) or list(files)[:3]
    raise UnknownWildcard(name, near)
