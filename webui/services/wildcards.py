"""Wildcards: lists of entries that a prompt names as __name__, in text files or in trees.

In a text file an entry is a line; what stands behind a # is a comment. It may have a weight before it
(`0.5::red`), and choices and other wildcards in it. A file in a folder is named with the folder:
__animals/cats__. Of YAML and JSON files see `wildcard_trees`.
"""

from __future__ import annotations

import difflib
import fnmatch
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from webui.contracts.errors import BadRequest, UnknownWildcard
from webui.prompt.choices import parse_entry
from webui.prompt.comments import strip_comments
from webui.prompt.drawing import Entries
from webui.prompt.nodes import Option
from webui.services.wildcard_trees import ENDINGS, UnreadableTree, read_tree

MAX_BYTES = 16 * 2**20
"""Of one file; a larger one is left out."""
MAX_FILES = 10_000

_log = logging.getLogger(__name__)

_T = TypeVar("_T")
_Stamp = tuple[int, int]
_Lists = Mapping[str, Sequence[Option]]
"""What a file holds, by the name within it; a text file's one list is ''."""


class WildcardStore:
    """The files below some folders; read when asked for, and anew when they change."""

    def __init__(
        self,
        folders: Sequence[Path],
        others: Callable[[], Mapping[str, Sequence[str]]] = dict,
    ) -> None:
        """Of two lists of one name that in the earlier folder counts; a folder need not exist.

        `others` gives further lists by name, such as those of extensions; files count before them.
        """
        self._folders = tuple(folders)
        self._others = others
        self._read: dict[Path, tuple[_Stamp, _Lists]] = {}

    def names(self) -> tuple[str, ...]:
        """What a prompt can name, sorted."""
        return tuple(sorted({**self._places(), **self._others()}))

    def entries(self) -> Entries:
        """The wildcards as they are now, for one request: it sees the same files throughout."""
        others = {name: "\n".join(lines) for name, lines in self._others().items()}
        places: dict[str, tuple[Path, str] | str] = {**others, **self._places()}
        known: dict[str, Sequence[Option]] = {}

        def look_up(name: str) -> Sequence[Option]:
            if name not in known:
                known[name] = [
                    option
                    for place in _matching(name, places)
                    for option in (
                        _options(place)
                        if isinstance(place, str)
                        else self._lists(place[0]).get(place[1], ())
                    )
                ]
            return known[name]

        return look_up

    def _places(self) -> dict[str, tuple[Path, str]]:
        """Name to its file, and the name within that."""
        places: dict[str, tuple[Path, str]] = {}
        for folder in self._folders:
            for file in _files(folder):
                within = file.relative_to(folder)
                if file.suffix not in ENDINGS:
                    places.setdefault(within.with_suffix("").as_posix(), (file, ""))
                    continue
                for key in self._keys(file):
                    places.setdefault((within.parent / key).as_posix(), (file, key))
        return places

    def _keys(self, file: Path) -> Sequence[str]:
        """Names in a tree; none where it cannot be read, for a listing must not fail for one file."""
        try:
            return list(self._lists(file))
        except BadRequest as error:
            _log.warning("%s", error)
            return ()

    def _lists(self, file: Path) -> _Lists:
        """What is in a file.

        Raises:
            BadRequest: it cannot be read.
        """
        try:
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if file not in self._read or self._read[file][0] != stamp:
                self._read[file] = (stamp, _read(file))
        except (OSError, UnreadableTree) as error:
            raise BadRequest(f"The wildcard file {str(file)!r} cannot be read: {error}.") from error
        return self._read[file][1]


def _read(file: Path) -> _Lists:
    if file.suffix in ENDINGS:
        return read_tree(file)
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    return {"": _options(text)}


def _options(text: str) -> list[Option]:
    return [parse_entry(line) for line in _lines(text)]


def _files(folder: Path) -> Iterator[Path]:
    """Files of wildcards below a folder, not too many and none too large, sorted."""
    found = (
        file
        for file in folder.rglob("*.*")
        if file.suffix in (".txt", *ENDINGS) and not file.name.startswith(".") and file.is_file()
    )
    for i, file in enumerate(sorted(found)):
        if i < MAX_FILES and file.stat().st_size <= MAX_BYTES:
            yield file


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if entry := strip_comments(line).strip():
            yield entry


def _matching(name: str, places: Mapping[str, _T]) -> Sequence[_T]:
    """Places of a name, whose capitals do not count; with * all that it fits, slashes too."""
    if name in places:
        return [places[name]]
    wanted = name.lower()
    found = [held for known, held in places.items() if fnmatch.fnmatchcase(known.lower(), wanted)]
    if found:
        return found
    near = difflib.get_close_matches(name, list(places), n=3, cutoff=0.4) or list(places)[:3]
    raise UnknownWildcard(name, near)
