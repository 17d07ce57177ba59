"""The bin of pictures: how much is in it, and emptying it for good."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, delete, select

from webui.contracts.errors import NotAllowed
from webui.contracts.job import JobState
from webui.services.database import reading, writing
from webui.services.picture_places import BIN, THUMBNAILS, PicturePlace
from webui.services.tables import JOBS, PICTURE_WORDS, PICTURES

_FINAL = [state.value for state in JobState if state not in (JobState.QUEUED, JobState.RUNNING)]


@dataclass(frozen=True)
class BinContents:
    """What lies in the bin, or was in it."""

    pictures: int
    bytes: int
    """Of all their files."""


class PictureBin:
    """Counts and empties it. Pictures of jobs that are not final stay: the queue still counts them."""

    def __init__(self, database: Engine, outputs: Path, refusal: str | None = None) -> None:
        """With a refusal, which is a sentence, nobody empties it here."""
        self.refusal = refusal
        self._database = database
        self._outputs = outputs.resolve()

    def contents(self) -> BinContents:
        """What `empty` would remove."""
        found = self._found()
        sizes = (_size(file) for place in found.values() for file in place.in_bin())
        return BinContents(len(found), sum(sizes))

    def empty(self) -> BinContents:
        """Remove all that lies in it; nothing brings it back. Gives what was removed.

        Raises:
            NotAllowed: nobody may do that here.
            OSError: a file could not be removed; its picture is still in the bin.
        """
        if self.refusal is not None:
            raise NotAllowed(self.refusal)
        pictures = removed = 0
        for picture, place in self._found().items():
            # One transaction each: a restore at the same time comes before or after it, never between.
            with writing(self._database) as connection:
                still = select(PICTURES.c.id).where(
                    PICTURES.c.id == picture, PICTURES.c.deleted.is_not(None)
                )
                if connection.scalar(still) is None:
                    continue
                for file in place.in_bin():
                    removed += file.stat().st_size
                    file.unlink()
                connection.execute(delete(PICTURE_WORDS).where(PICTURE_WORDS.c.picture == picture))
                connection.execute(delete(PICTURES).where(PICTURES.c.id == picture))
            pictures += 1
            for small in (self._outputs / THUMBNAILS).glob(f"*/{picture}.webp"):
                small.unlink(missing_ok=True)
            _remove_empty(place)
        return BinContents(pictures, removed)

    def _found(self) -> dict[str, PicturePlace]:
        query = (
            select(PICTURES.c.id, PICTURES.c.folder, PICTURES.c.file)
            .join(JOBS, JOBS.c.id == PICTURES.c.job_id)
            .where(PICTURES.c.deleted.is_not(None), JOBS.c.state.in_(_FINAL))
        )
        with reading(self._database) as connection:
            rows = connection.execute(query).all()
        return {row.id: PicturePlace(Path(row.folder or self._outputs), row.file) for row in rows}


def _size(file: Path) -> int:
    """Bytes of a file; none of one that was taken out since it was looked for."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _remove_empty(place: PicturePlace) -> None:
    """Folders of the bin that nothing is in any more."""
    folder = (place.root / BIN / place.file).parent
    while folder != place.root and folder.is_relative_to(place.root / BIN):
        try:
            folder.rmdir()
        except OSError:  # something is in it, or it is not there
            return
        folder = folder.parent
