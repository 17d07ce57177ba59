"""One studio for each data folder: two would run the same queue twice."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

from webui.contracts.errors import EaselError

FILE = "easel.lock"


class AlreadyRunning(EaselError):
    """Another studio serves this data folder."""

    def __init__(self, folder: Path, note: str) -> None:
        where = f" at {note}" if note else ""
        super().__init__(
            f"Another Easel already serves the data folder {str(folder)!r}{where}. Use that one, end it, "
            "or give this one a folder of its own with --data-dir."
        )


class InstanceLock:
    """Holds a data folder for as long as the process lives; the system frees it, even after a crash."""

    def __init__(self, folder: Path) -> None:
        """Take the folder.

        Raises:
            AlreadyRunning: another process holds it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._note = folder / FILE
        self._file: IO[str] = (folder / f"{FILE}ed").open("a")
        try:
            _lock(self._file)
        except OSError as error:
            self._file.close()
            raise AlreadyRunning(folder, _read(self._note)) from error

    def announce(self, address: str) -> None:
        """Leave word for a second start of where this one is."""
        self._note.write_text(address, "utf-8")

    def release(self) -> None:
        """Let go of the folder."""
        self._note.unlink(missing_ok=True)
        self._file.close()


def _read(note: Path) -> str:
    try:
        return note.read_text("utf-8")
    except OSError:
        return ""


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
