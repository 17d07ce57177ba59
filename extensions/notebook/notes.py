"""The notes themselves: a JSON file in the extension's own folder."""

import json
import secrets
import threading
import time
from pathlib import Path

from pydantic import BaseModel, Field, TypeAdapter

from webui.contracts.errors import NotFound
from webui.contracts.parameters.drawing import MAX_PROMPT_CHARACTERS

MAX_NOTES = 5000
"""The oldest go when there are more."""


class Draft(BaseModel):
    """What a person writes."""

    text: str = Field("", max_length=5000, description="What is noted.")
    prompt: str = Field("", max_length=MAX_PROMPT_CHARACTERS)
    negative_prompt: str = Field("", max_length=MAX_PROMPT_CHARACTERS)
    picture: str = Field("", max_length=32, description="Id of the picture that it is pinned to.")


class Note(Draft):
    """A note that is kept."""

    id: str
    created: float
    """Seconds since the epoch."""

    def says(self, words: str) -> bool:
        """Whether every word stands in its text or its prompts, however it is capitalised."""
        text = f"{self.text} {self.prompt} {self.negative_prompt}".casefold()
        return all(word in text for word in words.casefold().split())


_NOTES = TypeAdapter(list[Note])
_LOCK = threading.Lock()  # routes run in several threads, and hear of pictures in another


class NoteStore:
    """Keeps notes; each change is on disk when it returns."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "notes.json"

    def find(self, words: str, limit: int) -> list[Note]:
        """Notes that say all of the words, newest first."""
        with _LOCK:
            return [note for note in reversed(self._read()) if note.says(words)][:limit]

    def add(self, draft: Draft) -> Note:
        """Keep a new note."""
        note = Note(**draft.model_dump(), id=secrets.token_hex(8), created=time.time())
        with _LOCK:
            self._write([*self._read(), note])
        return note

    def change(self, id_: str, draft: Draft) -> Note:
        """Put what was written in place of a note.

        Raises:
            NotFound: there is no such note.
        """
        with _LOCK:
            notes = self._read()
            place = self._place(notes, id_)
            notes[place] = notes[place].model_copy(update=draft.model_dump(exclude_unset=True))
            self._write(notes)
            return notes[place]

    def remove(self, id_: str) -> None:
        """Throw a note away.

        Raises:
            NotFound: there is no such note.
        """
        with _LOCK:
            notes = self._read()
            del notes[self._place(notes, id_)]
            self._write(notes)

    def _place(self, notes: list[Note], id_: str) -> int:
        for place, note in enumerate(notes):
            if note.id == id_:
                return place
        raise NotFound("note", id_)

    def _read(self) -> list[Note]:
        return _NOTES.validate_json(self._file.read_bytes()) if self._file.exists() else []

    def _write(self, notes: list[Note]) -> None:
        """Whole or not at all: a new file takes the place of the old."""
        text = json.dumps([note.model_dump() for note in notes[-MAX_NOTES:]], ensure_ascii=False, indent=1)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(text, "utf-8")
        fresh.replace(self._file)
