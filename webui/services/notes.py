"""Notes on models and adapters, kept by kind and id; pictures of them, kept as small files."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select

from webui.contracts.errors import NotFound
from webui.contracts.notes import Notes
from webui.services.database import reading, writing
from webui.services.files import write_file
from webui.services.metadata import DECODING_ERRORS
from webui.services.picture_files import thumbnail
from webui.services.tables import NOTES

PREVIEW_SIDE = 512
SCALED = ".beside"
"""Below the folder of previews: small ones of the pictures that lie beside models."""
_BESIDE = (".preview.png", ".png", ".preview.jpg", ".jpg", ".jpeg", ".webp")
"""What AUTOMATIC1111 and others call a model's picture, in the order of preference."""

SAMPLES = "samples.webp"
"""What a training of ours puts into a model's folder: some of what it draws."""

_log = logging.getLogger(__name__)


class NoteStore:
    """All notes; they are few and are held in memory."""

    def __init__(self, database: Engine, previews: Path) -> None:
        """`previews` is the folder for pictures."""
        self._database = database
        self._previews = previews
        self._lock = threading.Lock()
        self._notes: dict[str, Notes] | None = None
        self._change = 0
        self._broken: dict[Path, str] = {}
        """Pictures beside models that could not be read, and their stamps then: each is told of once."""

    def all(self) -> Mapping[str, Notes]:
        """By key, such as 'lora:starter/loras/chalk'."""
        with self._lock:
            return self._read()

    def change(self) -> int:
        """A number that rises with every change."""
        return self._change

    def get(self, key: str) -> Notes:
        """What is noted; empty notes where nothing is."""
        return self.all().get(key, Notes())

    def put(self, key: str, notes: Notes) -> None:
        """Keep notes in place of those of before; on disk when this returns."""
        with self._lock:
            with writing(self._database) as connection:
                connection.execute(delete(NOTES).where(NOTES.c.id == key))
                if notes != Notes():
                    connection.execute(insert(NOTES).values(id=key, notes=notes.model_dump_json()))
            self._notes = {**self._read(), key: notes}
            self._change += 1

    def preview(self, key: str, path: str) -> tuple[bytes, str]:
        """The picture of a model at `path` and its media type: the one that was set, else one that lies beside.

        Raises:
            NotFound: it has none.
        """
        own = self._file(key)
        if own.is_file():
            return own.read_bytes(), "image/webp"
        for beside in self._usable(path):
            if (small := self._scaled(beside)) is not None:
                return small, "image/webp"
        raise NotFound("preview picture of", key)

    def has_preview(self, key: str, path: str) -> bool:
        """Whether there is one."""
        return self._file(key).is_file() or next(self._usable(path), None) is not None

    def set_preview(self, key: str, picture: Path) -> None:
        """Make a picture the preview."""
        write_file(self._file(key), thumbnail(picture, PREVIEW_SIDE), partial=self._previews)
        self._change += 1

    def clear_preview(self, key: str) -> None:
        """Forget the preview that was set; one that lies beside shows again."""
        self._file(key).unlink(missing_ok=True)
        self._change += 1

    def _usable(self, path: str) -> Iterator[Path]:
        """The pictures beside a model that are not known to be broken."""
        for beside in _beside(path):
            if beside.is_file() and (not self._broken or self._broken.get(beside) != _stamp(beside)):  # fmt: skip
                yield beside

    def _scaled(self, picture: Path) -> bytes | None:
        """A picture beside a model, small; scaled once while its size and time are as they were. None of a broken one."""
        folder = self._previews / SCALED
        name = hashlib.sha256(str(picture).encode()).hexdigest()[:32]
        stamp = _stamp(picture)
        cached = folder / f"{name}-{stamp}.webp"
        try:
            return cached.read_bytes()
        except FileNotFoundError:
            pass
        try:
            small = thumbnail(picture, PREVIEW_SIDE)
        except DECODING_ERRORS as error:
            _log.warning("%s is no picture that can be read, so it is not shown: %s", picture, error)  # fmt: skip
            with self._lock:
                self._broken[picture] = stamp
                self._change += 1  # the list says that it has no preview
            return None
        try:
            for older in folder.glob(f"{name}-*.webp"):
                older.unlink(missing_ok=True)
            write_file(cached, small, partial=folder)
        except OSError as error:
            _log.warning("The small preview of %s could not be kept: %s", picture, error)
        return small

    def _read(self) -> dict[str, Notes]:
        if self._notes is None:
            with reading(self._database) as connection:
                rows = connection.execute(select(NOTES.c.id, NOTES.c.notes)).all()
            self._notes = {key: Notes.model_validate_json(text) for key, text in rows}
        return self._notes

    def _file(self, key: str) -> Path:
        return self._previews / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.webp"


def _stamp(file: Path) -> str:
    """Of a file's size and time; '' where it is gone."""
    try:
        known = file.stat()
    except OSError:
        return ""
    return f"{known.st_size}-{known.st_mtime_ns}"


def _beside(path: str) -> list[Path]:
    if not path:
        return []  # a built-in model has no files
    place = Path(path)
    stem = place.with_suffix("") if place.suffix and not place.is_dir() else place
    beside = [stem.with_name(stem.name + ending) for ending in _BESIDE]
    return [*beside, place / SAMPLES] if place.is_dir() else beside
