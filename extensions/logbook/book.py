"""The book itself: a file of JSON lines for each day."""

import json
import threading
import time
from pathlib import Path

from pydantic import BaseModel

KEPT_DAYS = 90


class Entry(BaseModel):
    """One line."""

    time: float
    """Seconds since the epoch."""
    what: str
    """'job', 'worker' or 'studio'."""
    said: str
    job: str = ""
    model: str = ""
    state: str = ""
    pictures: int = 0
    waited: float | None = None
    """Seconds in the queue."""
    seconds: float | None = None
    """Seconds from its start to its end."""
    steps_per_second: float | None = None
    """Between its first and its last step: loading, encoding and decoding are not in it."""


class Book:
    """Adds lines, and reads a day's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()  # routes read in other threads

    def add(self, entry: Entry) -> None:
        """Write a line; of the oldest days, more than are kept go."""
        file = self._folder / f"{_day(entry.time)}.jsonl"
        with self._lock:
            with file.open("a", encoding="utf-8") as lines:
                lines.write(entry.model_dump_json(exclude_defaults=True) + "\n")
            for old in self.days()[KEPT_DAYS:]:
                (self._folder / f"{old}.jsonl").unlink()

    def days(self) -> list[str]:
        """Days with lines, newest first: '2026-11-27'."""
        return sorted((file.stem for file in self._folder.glob("????-??-??.jsonl")), reverse=True)

    def read(self, day: str) -> list[Entry]:
        """A day's lines, newest first; none of a day without any. A line that cannot be read is left out."""
        if day not in self.days():
            return []
        with self._lock:
            lines = (self._folder / f"{day}.jsonl").read_text("utf-8").splitlines()
        found = []
        for line in reversed(lines):
            try:
                found.append(Entry.model_validate(json.loads(line)))
            except ValueError:  # the last one, when the machine went down
                continue
        return found


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
