"""Pictures are whole on disk and in the record, and come back out of the bin."""

from __future__ import annotations

import io
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from tests.services.conftest import Services, make_services
from webui.contracts.drafts import PROBLEMS, PictureDraft
from webui.contracts.errors import HookFailed, NotFound
from webui.contracts.events import PictureSaved
from webui.contracts.ids import PictureId
from webui.contracts.job import Job, Picture
from webui.contracts.messages import PictureReady
from webui.hooks.specs import hookimpl
from webui.services import gallery, picture_files
from webui.services.database import writing
from webui.services.metadata import read_metadata, read_texts

_RGB = bytes(range(256)) * 192  # 128 x 128


def _saved(services: Services, index: int = 0, job: Job | None = None) -> Picture:
    job = job or services.submit(count=3)
    return services.gallery.save(
        job, PictureReady(job.id, index, job.request.seed + index, 128, 128, _RGB)
    )


def _files(services: Services) -> list[Path]:
    return [p for p in (services.folder / "outputs").rglob("*") if p.is_file()]


class _Namer:
    """An extension that names every file alike."""

    def __init__(self, name: str) -> None:
        self.name = name

    @hookimpl
    def picture_file_name(self, draft: PictureDraft) -> str:
        return self.name


def test_a_saved_picture_has_its_very_pixels(services: Services) -> None:
    picture = _saved(services)
    with Image.open(services.gallery.path(picture.id)) as image:
        assert (image.format, image.size, image.tobytes()) == ("PNG", (128, 128), _RGB)


def test_a_picture_lies_in_the_folder_of_its_day(services: Services) -> None:
    picture = _saved(services)
    assert (
        picture.file
        == services.gallery.path(picture.id).relative_to(services.folder / "outputs").as_posix()
    )
    day, name = picture.file.split("/")
    assert len(day.split("-")) == 3
    assert name.endswith(f"-{picture.seed}-{_id_in_names(picture)}.png")


def test_the_file_holds_the_request_of_exactly_this_picture(services: Services) -> None:
    job = services.submit(count=3, negative_prompt="дождь")
    picture = _saved(services, 2, job)
    told = read_metadata(services.gallery.path(picture.id))
    request = None if told is None else told.request
    assert request == services.gallery.request_of(picture.id)
    assert request is not None
    assert (request.seed, request.count) == (job.request.seed + 2, 1)
    assert (request.prompt, request.negative_prompt) == (job.request.prompt, "дождь")


def test_a_picture_of_another_size_keeps_the_size_that_it_was_drawn_at(services: Services) -> None:
    job = services.submit(width=256, height=64)
    picture = _saved(services, 0, job)
    request = services.gallery.request_of(picture.id)
    assert (picture.width, picture.height) == (128, 128)
    assert (request.width, request.height) == (256, 64)


def test_a_saved_picture_is_told_after_file_and_row_are_there(services: Services) -> None:
    seen: list[bool] = []
    services.events.subscribe(
        lambda e: (
            seen.append(services.gallery.path(e.picture.id).is_file())
            if isinstance(e, PictureSaved)
            else None
        )
    )
    picture = _saved(services)
    assert seen == [True]
    assert services.told[-1] == PictureSaved(picture)


def test_a_picture_that_comes_twice_is_stored_once(services: Services) -> None:
    first = _saved(services)
    again = services.gallery.save(
        services.jobs.get(first.job_id), PictureReady(first.job_id, 0, first.seed, 128, 128, _RGB)
    )
    assert again == first
    assert len(_files(services)) == 1


def test_a_job_shows_its_pictures_in_their_order(services: Services) -> None:
    job = services.submit(count=3)
    later, first = _saved(services, 2, job), _saved(services, 0, job)
    assert services.jobs.get(job.id).pictures == (first, later)
    assert services.gallery.delivered(job.id) == (0, 2)


def test_pixels_of_a_wrong_number_store_nothing(services: Services) -> None:
    job = services.submit()
    with pytest.raises(ValueError, match="image data"):
        services.gallery.save(job, PictureReady(job.id, 0, 1, 128, 128, b"short"))
    assert _files(services) == []
    assert services.gallery.delivered(job.id) == ()


def test_when_the_row_cannot_be_written_the_file_is_removed(services: Services) -> None:
    job = services.submit()
    with writing(services.database) as connection:
        connection.execute(text("DROP TABLE pictures"))
        connection.execute(text('CREATE TABLE pictures (job_id, "index")'))
    with pytest.raises(SQLAlchemyError):
        services.gallery.save(job, PictureReady(job.id, 0, 1, 128, 128, _RGB))
    assert _files(services) == []


def test_a_half_written_file_of_an_earlier_run_is_removed(services: Services) -> None:
    partial = services.folder / "outputs" / ".partial" / ".0123.partial"
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(b"half")
    make_services(services.folder).database.dispose()
    assert not partial.exists()


def test_recent_pictures_come_newest_first_in_pages(services: Services) -> None:
    job = services.submit(count=5)
    saved = [_saved(services, i, job) for i in range(5)]
    first = services.gallery.recent(3)
    second = services.gallery.recent(3, before=first[-1].created)
    assert first + second == tuple(saved[::-1])


def test_no_picture_of_one_moment_is_lost_between_pages(services: Services) -> None:
    services.gallery._clock = lambda: 1e9  # a clock of Windows' stands still for 16 ms
    job = services.submit(count=3)
    drawn = [_saved(services, index, job) for index in range(3)]
    first = services.gallery.recent(1)
    assert [*first, *services.gallery.recent(5, first[-1].created)] == drawn[::-1]


def test_a_thumbnail_is_small_and_kept(services: Services) -> None:
    picture = _saved(services)
    data = services.gallery.thumbnail(picture.id, 50)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("WEBP", (64, 64))
    (cached,) = (services.folder / "outputs" / ".thumbnails").rglob("*.webp")
    assert cached.read_bytes() == data
    cached.write_bytes(b"from the cache")
    assert services.gallery.thumbnail(picture.id, 64) == b"from the cache"


@pytest.mark.parametrize("size", [-5, 0, 10**9])
def test_an_odd_thumbnail_size_becomes_an_allowed_one(services: Services, size: int) -> None:
    assert services.gallery.thumbnail(_saved(services).id, size).startswith(b"RIFF")


def test_a_deleted_picture_is_gone_and_comes_back(services: Services) -> None:
    picture = _saved(services)
    file = services.gallery.path(picture.id)
    services.gallery.delete(picture.id)
    for ask in (
        services.gallery.get,
        services.gallery.path,
        services.gallery.thumbnail,
        services.gallery.delete,
    ):
        with pytest.raises(NotFound):
            ask(picture.id)
    assert services.gallery.recent() == ()
    assert services.jobs.get(picture.job_id).pictures == ()
    assert (services.folder / "outputs" / ".bin" / picture.file).is_file()
    assert not file.exists()
    assert services.gallery.restore(picture.id) == picture
    assert services.gallery.path(picture.id) == file


def test_a_picture_that_is_deleted_while_its_thumbnail_is_made_is_not_found(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = _saved(services)
    made = picture_files.thumbnail

    def late(file: Path, side: int) -> bytes:
        services.gallery.delete(picture.id)
        return made(file, side)

    monkeypatch.setattr(gallery, "thumbnail", late)
    with pytest.raises(NotFound):
        services.gallery.thumbnail(picture.id)


def test_a_deleted_picture_counts_as_delivered(services: Services) -> None:
    picture = _saved(services, 1)
    services.gallery.delete(picture.id)
    assert services.gallery.delivered(picture.job_id) == (1,)


def test_restore_leaves_a_shown_picture_as_it_is(services: Services) -> None:
    picture = _saved(services)
    assert services.gallery.restore(picture.id) == picture
    assert services.gallery.path(picture.id).is_file()


def test_unknown_pictures_are_not_found(services: Services) -> None:
    pictures = services.gallery
    for ask in (
        pictures.get,
        pictures.path,
        pictures.thumbnail,
        pictures.request_of,
        pictures.delete,
        pictures.restore,
    ):
        with pytest.raises(NotFound):
            ask(PictureId("../../etc"))


def test_a_row_that_points_outside_the_outputs_is_not_served(services: Services) -> None:
    picture = _saved(services)
    with writing(services.database) as connection:
        connection.execute(text("UPDATE pictures SET file = '../easel.sqlite'"))
    with pytest.raises(NotFound):
        services.gallery.path(picture.id)


def test_a_file_that_was_removed_by_hand_is_not_found(services: Services) -> None:
    picture = _saved(services)
    services.gallery.path(picture.id).unlink()
    with pytest.raises(NotFound):
        services.gallery.path(picture.id)


def _id_in_names(picture: Picture) -> str:
    """One id of 32 ends with a sign that names do not end with."""
    return picture.id.rstrip("-_")


@pytest.mark.parametrize(
    "name", ["", "/etc/x", "../x", "a/../../x", ".hidden/x", "a\\b", "a\0b", "x" * 500, "c:/x"]
)
def test_a_file_name_that_leads_elsewhere_is_refused(services: Services, name: str) -> None:
    """The next one's is taken, and the file says so; a job that names the extension fails."""
    services.hooks.host.register(_Namer(name), "namer")
    told: list[str] = []
    services.gallery.on_problems = lambda _job, said: told.append(said)
    picture = _saved(services)
    assert picture.file.endswith(f"-{_id_in_names(picture)}.png")
    assert told == [read_texts(services.gallery.path(picture.id))[PROBLEMS]]
    assert "'namer' failed when it had to name the picture's file" in told[0]
    job = services.submit(count=3)
    named = job.request.model_copy(update={"extensions": {"namer": {}}})
    before = _files(services)
    with pytest.raises(HookFailed, match=r"'namer' failed .* below the outputs folder"):
        _saved(services, job=replace(job, request=named))
    assert _files(services) == before


def test_a_name_that_is_taken_does_not_overwrite(services: Services) -> None:
    services.hooks.host.register(_Namer("boats/one"), "namer")
    job = services.submit(count=2)
    first, second = _saved(services, 0, job), _saved(services, 1, job)
    assert first.file == "boats/one.png"
    assert second.file == f"boats/one-{second.id}.png"


def test_a_variation_can_be_made_again_alone(services: Services) -> None:
    job = services.submit(count=3, seed=5, variation_seed=20, variation_strength=0.3)
    picture = services.gallery.save(job, PictureReady(job.id, 2, 5, 128, 128, _RGB))
    told = read_metadata(services.gallery.path(picture.id))
    request = None if told is None else told.request
    assert request is not None
    assert (request.seed, request.variation_seed, request.count) == (5, 22, 1)
    assert request.seeds_of(0) == job.request.seeds_of(2)


def test_pages_of_pictures_are_found_by_an_index_however_many_there_are(
    services: Services,
) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(services.database, "before_cursor_execute", note)
    for before in (None, 1e9):
        services.gallery.recent(50, before)
    event.remove(services.database, "before_cursor_execute", note)
    queries = [(statement, given) for statement, given in asked if "LIMIT" in statement]
    assert len(queries) == 2
    with closing(services.database.raw_connection()) as connection:
        cursor = connection.cursor()
        for statement, given in queries:
            plan = cursor.execute(f"EXPLAIN QUERY PLAN {statement}", given).fetchall()
            steps = [str(row[-1]) for row in plan]
            assert all("USING INDEX" in step and "TEMP" not in step for step in steps), steps
