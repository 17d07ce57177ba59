"""Finished pictures: a file each in a folder a day, and a row each in the record."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from webui.contracts.drafts import PROBLEMS, PictureDraft, PictureHooks, file_name_fault
from webui.contracts.errors import HookFailed, NotFound
from webui.contracts.events import PictureSaved
from webui.contracts.ids import JobId, PictureId, new_picture_id
from webui.contracts.infotext import NO_HASHES, FileHashes, write_infotext
from webui.contracts.job import Job, Picture
from webui.contracts.messages import PictureReady
from webui.contracts.picture_search import ALL, PictureSearch
from webui.contracts.preferences import Preferences
from webui.contracts.request import GenerationRequest
from webui.services.database import reading, writing
from webui.services.events import EventBus
from webui.services.files import write_file
from webui.services.job_records import picture_of
from webui.services.metadata import read_texts
from webui.services.picture_files import ENDINGS, encoded, format_for, thumbnail
from webui.services.picture_index import PictureIndex
from webui.services.picture_places import PARTIAL, TEXT_ENDING, THUMBNAILS, PicturePlace
from webui.services.tables import JOBS, PICTURES

THUMBNAIL_SIZES = (64, 128, 256, 512, 1024)

HashesOf = Callable[[GenerationRequest, int], FileHashes]
"""What is known of the files that a picture of a request was drawn with, by its place in the job."""


class Gallery:
    """Keeps, finds, hides and gives back pictures."""

    def __init__(  # noqa: PLR0913 - one place wires these
        self,
        database: Engine,
        outputs: Path,
        events: EventBus,
        hooks: PictureHooks,
        clock: Callable[[], float] = time.time,
        hashes: HashesOf = lambda _request, _index: NO_HASHES,
        preferences: Callable[[], Preferences] = Preferences,
    ) -> None:
        """Removes what an earlier run left half written; touches nothing else."""
        self.on_problems: Callable[[JobId, str], None] = lambda _job_id, _said: None
        """Told what extensions failed at a picture that was stored all the same; the dispatcher sets it."""
        self._hashes = hashes
        self._preferences = preferences
        self._database = database
        self._index = PictureIndex(database)
        self._outputs = outputs.resolve()
        self._events = events
        self._hooks = hooks
        self._clock = clock
        self._outputs.mkdir(parents=True, exist_ok=True)
        for root in {self._outputs, self._chosen_folder()}:
            for unfinished in (root / PARTIAL).glob(".*.partial"):
                unfinished.unlink(missing_ok=True)

    def save(self, job: Job, drawn: PictureReady) -> Picture:
        """Store a picture: the file, then the row, then the announcement.

        A picture of the same job and index that is already stored is given back as it is.

        Raises:
            HookFailed: an extension that the request names failed when it had to name the file.
            OSError: the disk did not take it. Nothing is left behind.
        """
        if (present := self._of_job(job.id, drawn.index)) is not None:
            return present
        # The size stays the one that it was drawn at: a second pass, or a part that was drawn alone
        # and put back, give a picture of another.
        request, wanted = job.request, self._preferences()
        exact = request.picture(drawn.index).model_copy(
            update={
                "seed": drawn.seed,
                "width": request.width or drawn.width, "height": request.height or drawn.height,
            }
        )  # fmt: skip
        draft = PictureDraft(
            new_picture_id(), job.id, drawn.index, exact, self._clock(),
            self._hashes(request, drawn.index), drawn.precision, wanted.file_name_pattern,
        )  # fmt: skip
        draft = self._hooks.change_metadata(draft)
        size = (drawn.width, drawn.height)
        kind = format_for(wanted.picture_format, size)
        named = self._hooks.picture_file_name(draft)
        draft = replace(draft, problems=named.problems)
        is_told = wanted.picture_metadata or wanted.picture_text_file
        texts = self._hooks.picture_metadata(draft) if is_told else ()
        beside = next((t.text for t in texts if t.keyword == "parameters"), "")
        text = f"{beside}\n".encode() if wanted.picture_text_file and beside else None
        place = self._place(named.name, draft.id, ENDINGS[kind], with_text=text is not None)
        written = texts if wanted.picture_metadata else ()
        pixels = encoded(drawn.data, size, written, kind, wanted.picture_quality)
        picture = Picture(
            id=draft.id, job_id=job.id, index=drawn.index, seed=drawn.seed,
            width=drawn.width, height=drawn.height,
            file=place.file, created=draft.created,
            batch=request.batch,
        )  # fmt: skip
        picture = self._keep(picture, place, pixels, text, request)
        if told := next((t.text for t in texts if t.keyword == PROBLEMS), " ".join(draft.problems)):
            self.on_problems(job.id, told)
        self._events.publish(PictureSaved(picture))
        return picture

    def get(self, picture_id: PictureId) -> Picture:
        """The picture.

        Raises:
            NotFound: no such picture, or it is in the bin.
        """
        with reading(self._database) as connection:
            row = connection.execute(
                select(PICTURES).where(PICTURES.c.id == picture_id, PICTURES.c.deleted.is_(None))
            ).first()
        if row is None:
            raise NotFound("picture", picture_id)
        return picture_of(row)

    def path(self, picture_id: PictureId) -> Path:
        """The picture's file.

        Raises:
            NotFound: no such picture, or its file was removed by other means.
        """
        self.get(picture_id)
        file = self._place_of(picture_id).shown
        if file is None or not file.is_file():
            raise NotFound("picture file", picture_id)
        return file

    def thumbnail(self, picture_id: PictureId, size: int = 256) -> bytes:
        """The picture as WebP, its longer side at most `size` (the next of a few sizes) pixels.

        Raises:
            NotFound: no such picture.
        """
        file = self.path(picture_id)
        side = next((s for s in THUMBNAIL_SIZES if s >= size), THUMBNAIL_SIZES[-1])
        cached = self._outputs / THUMBNAILS / str(side) / f"{picture_id}.webp"
        try:
            return cached.read_bytes()
        except FileNotFoundError:
            pass
        try:
            small = thumbnail(file, side)
        except FileNotFoundError as gone:  # deleted since it was looked for
            raise NotFound("picture file", picture_id) from gone
        write_file(cached, small, partial=self._outputs / PARTIAL)
        return small

    def recent(
        self,
        limit: int = 50,
        before: float | None = None,
        batch: str = "",
        search: PictureSearch = ALL,
    ) -> tuple[Picture, ...]:
        """Pictures, newest first; `before` is the `created` of the last of the page before.

        With `batch`, those that were ordered together; with `search`, those that are what it says.
        """
        found = self._index.conditions(search)
        query = select(PICTURES).where(PICTURES.c.deleted.is_(None), *found)
        if before is not None:
            query = query.where(PICTURES.c.created < before)
        if batch:
            query = query.where(PICTURES.c.batch == batch)
        with reading(self._database) as connection:
            rows = connection.execute(query.order_by(PICTURES.c.created.desc()).limit(limit)).all()
        return tuple(picture_of(row) for row in rows)

    def request_of(self, picture_id: PictureId) -> GenerationRequest:
        """The request that draws exactly this picture.

        Raises:
            NotFound: no such picture.
        """
        picture = self.get(picture_id)
        with reading(self._database) as connection:
            text = connection.scalar(select(JOBS.c.request).where(JOBS.c.id == picture.job_id))
        request = GenerationRequest.model_validate_json(text or "")
        return request.picture(picture.index).model_copy(
            update={
                "seed": picture.seed,
                "width": request.width or picture.width,
                "height": request.height or picture.height,
            }
        )

    def infotext_of(self, picture_id: PictureId) -> str:
        """AUTOMATIC1111's `parameters` text of a picture, as its file has it.

        Raises:
            NotFound: no such picture.
        """
        request = self.request_of(picture_id)
        written = read_texts(self.path(picture_id)).get("parameters")
        return written or write_infotext(request, request.seed, request.model)

    def delivered(self, job_id: JobId) -> tuple[int, ...]:
        """Indices of the job's stored pictures, those in the bin included."""
        query = select(PICTURES.c.index).where(PICTURES.c.job_id == job_id)
        with reading(self._database) as connection:
            return tuple(connection.scalars(query.order_by(PICTURES.c.index)))

    def delete(self, picture_id: PictureId) -> None:
        """Put a picture into the bin; `restore` takes it out.

        Raises:
            NotFound: no such picture.
        """
        self.get(picture_id)
        self._set_deleted(picture_id, self._clock())

    def restore(self, picture_id: PictureId) -> Picture:
        """Take a picture out of the bin; one that is not in it stays as it is.

        Raises:
            NotFound: no such picture.
        """
        self._set_deleted(picture_id, None)
        return self.get(picture_id)

    def _keep(
        self,
        picture: Picture,
        place: PicturePlace,
        pixels: bytes,
        text: bytes | None,
        request: GenerationRequest,
    ) -> Picture:
        """Write the text beside, the picture, and the row; all of it or nothing."""
        assert place.shown is not None  # `_place` has seen to it
        files = {place.shown: pixels}
        if text is not None:
            files = {place.shown.with_suffix(TEXT_ENDING): text, **files}
        try:
            for file, content in files.items():
                write_file(file, content, partial=place.root / PARTIAL)
            return self._record(picture, place.root, request)
        except (OSError, SQLAlchemyError):
            for file in files:
                file.unlink(missing_ok=True)
            raise

    def _record(self, picture: Picture, root: Path, request: GenerationRequest) -> Picture:
        """Write the row and the words; a time that another picture has is moved, so that pages lose none."""
        folder = None if root == self._outputs else str(root)
        with writing(self._database) as connection:
            while connection.scalar(
                select(PICTURES.c.id).where(PICTURES.c.created == picture.created)
            ):
                picture = replace(picture, created=picture.created + 1e-6)
            connection.execute(insert(PICTURES).values(**vars(picture), folder=folder))
            self._index.note(connection, picture.id, request.model_dump(mode="json"), picture.index)
        return picture

    def _is_recorded(self, file: str) -> bool:
        """Whether a picture has this name: in another folder, or one whose file was removed by hand."""
        with reading(self._database) as connection:
            return (
                connection.scalar(select(PICTURES.c.id).where(PICTURES.c.file == file)) is not None
            )

    def _chosen_folder(self) -> Path:
        """Where new pictures go."""
        return Path(self._preferences().outputs_folder or self._outputs)

    def _place_of(self, picture_id: PictureId) -> PicturePlace:
        query = select(PICTURES.c.folder, PICTURES.c.file).where(PICTURES.c.id == picture_id)
        with reading(self._database) as connection:
            row = connection.execute(query).one()
        return PicturePlace(Path(row.folder or self._outputs), row.file)

    def _of_job(self, job_id: JobId, index: int) -> Picture | None:
        query = select(PICTURES).where(PICTURES.c.job_id == job_id, PICTURES.c.index == index)
        with reading(self._database) as connection:
            row = connection.execute(query).first()
        return None if row is None else picture_of(row)

    def _set_deleted(self, picture_id: PictureId, deleted: float | None) -> None:
        with writing(self._database) as connection:
            row = connection.execute(select(PICTURES).where(PICTURES.c.id == picture_id)).first()
            if row is None:
                raise NotFound("picture", picture_id)
            place = PicturePlace(Path(row.folder or self._outputs), row.file)
            connection.execute(
                update(PICTURES).where(PICTURES.c.id == picture_id).values(deleted=deleted)
            )
            # Inside the transaction: when the file cannot be moved, the row stays as it was.
            place.take_out_of_bin() if deleted is None else place.put_into_bin()

    def _place(
        self, name: str, picture_id: PictureId, ending: str, *, with_text: bool
    ) -> PicturePlace:
        """A name as a place that cannot leave the folder or hit a present file."""
        root = self._chosen_folder()
        if fault := file_name_fault(name):
            raise HookFailed(fault)
        place = PicturePlace(root, f"{name}.{ending}")
        if place.is_taken(with_text=with_text) or self._is_recorded(place.file):
            place = PicturePlace(root, f"{name}-{picture_id}.{ending}")
        if place.shown is None:
            raise PermissionError(
                f"{place.file!r} leads out of the outputs folder {str(root)!r} by a link; remove the link."
            )
        return place
