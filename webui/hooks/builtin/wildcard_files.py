"""Wildcards in files: lists of entries that a prompt names as __name__, in text files or in trees.

In a text file an entry is a line; what stands behind a # is a comment. It may have a weight before it
(`0.5::red`), and choices and other wildcards in it. A file in a folder is named with the folder:
__animals/cats__. Of YAML and JSON files see `wildcard_trees`. A file is read when a prompt names it, and anew
when it has changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from webui.contracts.errors import BadRequest
from webui.hooks.builtin.wildcard_trees import ENDINGS, UnreadableTree, read_tree
from webui.hooks.specs import hookimpl
from webui.prompt.comments import strip_comments

FOLDERS = ("wildcards", "models/wildcards")
"""Below the data folder; of two files of one name that in the earlier counts."""
MAX_BYTES = 16 * 2**20
"""Of one file; a larger one is left out."""
MAX_FILES = 10_000

_log = logging.getLogger(__name__)

_Stamp = tuple[int, int]
_Lists = Mapping[str, Sequence[str]]
"""What a file holds, by the name within it; a text file's one list is ''."""


class WildcardFiles:
    """An extension of Easel's own: the files below some folders, which need not exist."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._read: dict[Path, tuple[_Stamp, _Lists]] = {}

    @hookimpl
    def wildcards(self) -> Mapping[str, Sequence[str]]:
        """Every list by its name; none is read yet."""
        found: dict[str, Sequence[str]] = {}
        for folder in self._folders:
            for file in _files(folder):
                within = file.relative_to(folder)
                if file.suffix not in ENDINGS:
                    name = within.with_suffix("").as_posix()
                    found.setdefault(name, _Entries(self, file, ""))
                    continue
                for key in self._keys(file):
                    name = (within.parent / key).as_posix()
                    found.setdefault(name, _Entries(self, file, key))
        return found

    def lists(self, file: Path) -> _Lists:
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

    def _keys(self, file: Path) -> Sequence[str]:
        """Names in a tree; none where it cannot be read, for a listing must not fail for one file."""
        try:
            return list(self.lists(file))
        except BadRequest as error:
            _log.warning("%s", error)
            return ()


@dataclass(frozen=True, eq=False)
class _Entries(Sequence[str]):
    """A list in a file, read when it is looked into."""

    files: WildcardFiles
    file: Path
    key: str

    # Any of the two, as sequences have it.
    @override
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:  # type: ignore[override]
        return self._lines[place]

    @override
    def __len__(self) -> int:
        return len(self._lines)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    @property
    def _lines(self) -> Sequence[str]:
        return self.files.lists(self.file).get(self.key, ())


def _read(file: Path) -> _Lists:
    if file.suffix in ENDINGS:
        return read_tree(file)
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    return {"": [entry for line in text.splitlines() if (entry := strip_comments(line).strip())]}


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
