"""Writing files so that they are there whole, or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_file(target: Path, data: bytes, partial: Path) -> None:
    """Put `data` at `target`, on disk when this returns; never half of it under that name.

    Args:
        target: Where it goes; its folder is made.
        data: All of it.
        partial: A folder on the same disk for the file while it is being written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.mkdir(parents=True, exist_ok=True)
    unfinished = partial / f".{secrets.token_hex(8)}.partial"
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to disk, where the system has that notion (Windows has not)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
