"""Folders of extensions: copied without what could reach outside, measured, compared."""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from webui.contracts.errors import BadExtension
from webui.contracts.extension_change import FileChanges
from webui.hooks.manifest import FILE

MAX_FILES, MAX_BYTES = 20_000, 512 * 2**20
SKIPPED = frozenset({".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"})
"""Never part of an extension."""


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder, without what is skipped.

    Raises:
        BadExtension: it has links, or is too large.
    """
    total = count = 0
    for file in files_below(source):
        size, count = file.stat().st_size, count + 1
        total += size
        _refuse_large(count, total, source)
        to = target / file.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip archive.

    Raises:
        BadExtension: it is none, has names that lead outside or links, or is too large.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = [m for m in zipped.infolist() if not m.is_dir()]
            _refuse_large(len(members), sum(m.file_size for m in members), archive)
            for member in members:
                _write_member(zipped, member, target)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError) as error:
        raise BadExtension(
            f"{archive.name!r} is no zip archive that can be read: {error}."
        ) from error


def _write_member(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    name = member.filename.replace("\\", "/")
    parts = name.split("/")
    if name.startswith("/") or ":" in name or any(part in ("", ".", "..") for part in parts):
        raise BadExtension(
            f"The archive has a file called {name[:200]!r}, which would lie outside of its folder."
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise BadExtension(
            f"The archive has a link, {name[:200]!r}; an extension has plain files only."
        )
    to = target.joinpath(*parts)
    to.parent.mkdir(parents=True, exist_ok=True)
    left = member.file_size  # as was added up; what is packed may say less than it holds
    with zipped.open(member) as packed, to.open("wb") as file:
        while data := packed.read(min(2**20, left + 1)):
            left -= len(data)
            if left < 0:
                raise BadExtension(f"The archive's {name[:200]!r} is larger than it says.")
            file.write(data)


def _refuse_large(files: int, size: int, where: Path) -> None:
    if files > MAX_FILES or size > MAX_BYTES:
        raise BadExtension(
            f"{where.name!r} has {files} files of {size / 2**20:.0f} MB and perhaps more; an extension has at most "
            f"{MAX_FILES} of {MAX_BYTES // 2**20} MB."
        )


def files_below(folder: Path) -> Iterator[Path]:
    """Its files in order of their names, without what is skipped.

    Raises:
        BadExtension: there is a link, or something that is no file.
    """
    for path in sorted(folder.iterdir()):
        if path.name in SKIPPED:
            continue
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise BadExtension(f"{path} is a link or a device; an extension has plain files only.")
        if path.is_dir():
            yield from files_below(path)
        else:
            yield path


def the_extension_in(folder: Path) -> Path:
    """The one folder with an `extension.toml`: the given one, or one at most two levels below.

    Raises:
        BadExtension: there is none, or more than one.
    """
    for depth in ("", "*/", "*/*/"):
        found = [
            f.parent for f in sorted(folder.glob(f"{depth}{FILE}")) if not SKIPPED & set(f.parts)
        ]
        if len(found) > 1:
            names = ", ".join(f.relative_to(folder).as_posix() for f in found)
            raise BadExtension(
                f"There is more than one extension in it: {names}. Give the folder of one."
            )
        if found:
            return found[0]
    raise BadExtension(f"There is no {FILE} in it, so it is no extension of Easel.")


def digests(folder: Path) -> dict[str, str]:
    """sha256 of each file, by its name relative to the folder."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files_below(folder)
    }


def digest(folder: Path) -> str:
    """sha256 of all files and their names."""
    text = "".join(f"{sha}  {name}\n" for name, sha in digests(folder).items())
    return hashlib.sha256(text.encode()).hexdigest()


def compare(before: Path | None, after: Path) -> FileChanges:
    """Which files would come, change and go."""
    old, new = {} if before is None else digests(before), digests(after)
    return FileChanges(
        added=tuple(name for name in new if name not in old),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
        removed=tuple(name for name in old if name not in new),
    )
