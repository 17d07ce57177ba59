"""What tells whether an extension's files are still those that were loaded."""

from __future__ import annotations

import stat
from pathlib import Path

from webui.contracts.extension import Manifest
from webui.hooks.offers import STATIC

Stamp = tuple[object, ...]
_RUN = (".py", ".toml")
"""Endings; beside these all that is below `static/`."""


def stamp_of(manifest: Manifest, thorough: bool) -> Stamp:
    """Changes when the folder is replaced; with `thorough`, when any Python or page file of it is saved."""
    try:
        about = manifest.folder.stat()
    except OSError:
        return ()
    stamp: Stamp = (str(manifest.folder), about.st_dev, about.st_ino)
    return (*stamp, *_saved(manifest.folder)) if thorough else stamp


def glance_at(*paths: Path) -> Stamp:
    """Changes when a file is written, or something in a folder comes, goes or is replaced."""
    seen: list[object] = []
    for path in paths:
        try:
            about = path.stat()
            # Times go in steps of some milliseconds: two changes may have the same one.
            names = sorted(p.name for p in path.iterdir()) if stat.S_ISDIR(about.st_mode) else []
        except OSError:
            seen.append(None)
        else:
            seen.append((about.st_ino, about.st_mtime_ns, about.st_size, *names))
    return tuple(seen)


def _saved(folder: Path) -> list[tuple[str, int, int]]:
    """Name, time and size of each file that the studio, the worker or the page runs: an extension may write others."""
    files = []
    page = folder / STATIC
    for file in sorted(folder.rglob("*")):
        is_run = file.suffix in _RUN or page in file.parents
        if not is_run or "__pycache__" in file.parts or file.name.startswith("."):
            continue
        try:
            about = file.stat()
        except OSError:  # gone between the two calls, as when an editor saves
            continue
        if file.is_file():
            files.append((str(file), about.st_mtime_ns, about.st_size))
    return files
