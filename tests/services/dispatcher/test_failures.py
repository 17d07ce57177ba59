"""What goes wrong with one job ends that job, with a sentence."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing

import pytest
from PIL import Image
from sqlalchemy import event

from tests.services.conftest import Services
from tests.services.dispatcher.queued import (
    Start,
    ended_jobs,
    equipped,
    quick,
    submit,
)
from tests.services.models import write_model
from tests.services.scripted import Scripted
from tests.workers.listening import eventually
from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.ids import JobId
from webui.contracts.job import Job, JobState
from webui.contracts.messages import (
    JobEnded,
    JobNoted,
    PictureReady,
)
from webui.hooks.specs import hookimpl


def test_a_done_without_all_pictures_is_a_failure(services: Services, scripted: Scripted) -> None:
    job = submit(services, count=2)
    eventually(lambda: bool(scripted.orders()))
    scripted.say(PictureReady(job.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
    scripted.say(JobEnded(job.id, "done", None))
    (ended,) = ended_jobs(services, job)
    assert (ended.state, ended.error) == (
        JobState.FAILED,
        "The worker ended the job after 1 of 2 pictures.",
    )


def test_a_failure_of_the_worker_reaches_the_job_as_its_sentence(
    services: Services, scripted: Scripted
) -> None:
    job = submit(services)
    eventually(lambda: bool(scripted.orders()))
    scripted.say(JobEnded(job.id, "failed", "It rained."))
    (ended,) = ended_jobs(services, job)
    assert (ended.state, ended.error) == (JobState.FAILED, "It rained.")


def test_an_unknown_end_is_a_failure(services: Services, scripted: Scripted) -> None:
    job = submit(services)
    eventually(lambda: bool(scripted.orders()))
    scripted.say(JobEnded(job.id, "vanished", None))
    (ended,) = ended_jobs(services, job)
    assert ended.state is JobState.FAILED
    assert "'vanished'" in (ended.error or "")


def test_words_about_unknown_jobs_are_ignored(services: Services, scripted: Scripted) -> None:
    job = submit(services)
    eventually(lambda: bool(scripted.orders()))
    for said in (JobEnded(JobId("x"), "done", None), PictureReady(JobId("x"), 0, 1, 1, 1, b"rgb")):
        scripted.say(said)
    scripted.say(JobEnded(job.id, "cancelled", None))
    assert ended_jobs(services, job)[0].state is JobState.CANCELLED


def test_a_picture_that_cannot_be_stored_fails_its_job_only(
    services: Services, scripted: Scripted
) -> None:
    broken, good = submit(services), submit(services)
    eventually(lambda: len(scripted.orders()) == 2)
    scripted.say(PictureReady(broken.id, 0, 1, 64, 64, b"too short"))
    scripted.say(PictureReady(good.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
    scripted.say(JobEnded(good.id, "done", None))
    ended = ended_jobs(services, broken, good)
    assert [job.state for job in ended] == [JobState.FAILED, JobState.DONE]
    assert "could not be stored" in (ended[0].error or "")


class _FailsFor:
    """An extension that raises wherever it is asked about one prompt."""

    @hookimpl
    def picture_metadata(self, draft: PictureDraft) -> list[TextChunk]:
        return self._unless(draft.request.prompt)

    @hookimpl
    def picture_file_name(self, draft: PictureDraft) -> None:
        self._unless(draft.request.prompt)

    @hookimpl
    def job_changed(self, job: Job) -> None:
        self._unless(job.request.prompt)

    def _unless(self, prompt: str) -> list[TextChunk]:
        if prompt == "unlucky":
            raise RuntimeError("no name")
        return []


def test_a_hook_that_raises_stops_no_picture_and_is_told_where_it_raised(
    services: Services, start: Start
) -> None:
    start(quick)
    (alone,) = ended_jobs(services, submit(services, seed=5))
    services.hooks.host.register(_FailsFor(), "unlucky")
    jobs = [submit(services, "unlucky"), submit(services, seed=5)]
    ended = ended_jobs(services, *jobs)
    assert [job.state for job in ended] == [JobState.DONE, JobState.DONE]
    said = "The extension 'unlucky' failed when it had to name the picture's file"
    assert said in (ended[0].note or "")
    assert not ended[1].note
    files = [services.folder / "outputs" / job.pictures[0].file for job in (alone, ended[1])]
    expected, mine = (Image.open(file).tobytes() for file in files)
    assert mine == expected


def test_what_a_hook_fails_at_stays_beside_what_the_worker_notes(
    services: Services, scripted: Scripted
) -> None:
    services.hooks.host.register(_FailsFor(), "unlucky")
    job = submit(services, "unlucky", count=2)
    eventually(lambda: len(scripted.orders()) == 1)
    scripted.say(PictureReady(job.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
    scripted.say(JobNoted(job.id, "The prompt was cut."))
    scripted.say(PictureReady(job.id, 1, 2, 64, 64, bytes(64 * 64 * 3)))
    scripted.say(JobEnded(job.id, "done", None))
    (ended,) = ended_jobs(services, job)
    assert (ended.note or "").startswith("The prompt was cut. ")
    assert (ended.note or "").count("'unlucky' failed when it had to name") == 1


def test_a_job_whose_model_was_removed_fails_with_a_sentence(
    services: Services, start: Start
) -> None:
    write_model(services.folder / "models" / "mine")
    job = submit(services, model="mine")
    shutil.rmtree(services.folder / "models" / "mine")
    start()
    (ended,) = ended_jobs(services, job)
    assert "There is no model 'mine'" in (ended.error or "")


def test_a_job_whose_adapter_was_removed_fails_with_a_sentence(
    services: Services, start: Start
) -> None:
    _, request = equipped(services)
    job = services.submit("a boat", **request)
    (services.folder / "models" / "loras" / "ink.safetensors").unlink()
    start()
    (ended,) = ended_jobs(services, job)
    assert ended.state is JobState.FAILED
    assert "There is no lora 'loras/ink'" in (ended.error or "")


def test_a_job_whose_image_was_removed_fails_with_a_sentence(
    services: Services, start: Start
) -> None:
    image, request = equipped(services)
    job = services.submit("a boat", **request)
    services.images.path(image).unlink()
    start()
    (ended,) = ended_jobs(services, job)
    assert (ended.state, "no image" in (ended.error or "")) == (JobState.FAILED, True)


def test_an_error_that_nobody_foresaw_ends_the_job_and_not_the_dispatcher(
    services: Services, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, other = submit(services), submit(services)
    eventually(lambda: len(scripted.orders()) == 2)
    monkeypatch.setattr(services.gallery, "save", _fail_inside)
    scripted.say(PictureReady(job.id, 0, 1, 64, 64, b""))
    assert "failed inside" in (ended_jobs(services, job)[0].error or "")
    scripted.say(JobEnded(other.id, "cancelled", None))
    assert ended_jobs(services, other)[0].state is JobState.CANCELLED


def _fail_inside(*_: object) -> None:
    raise KeyError("missing")


def test_while_the_record_is_locked_nothing_is_lost(services: Services, scripted: Scripted) -> None:
    """Another program holds the file: the worker's words wait until it lets go."""
    job = submit(services)
    eventually(lambda: len(scripted.orders()) == 1)
    with closing(sqlite3.connect(services.folder / "easel.sqlite", isolation_level=None)) as holder:
        event.listen(services.database, "checkout", _impatient)
        holder.execute("BEGIN IMMEDIATE")
        scripted.say(PictureReady(job.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
        scripted.say(JobEnded(job.id, "done", None))
        time.sleep(0.1)
        assert services.jobs.get(job.id).state is JobState.RUNNING
        holder.execute("ROLLBACK")
    assert ended_jobs(services, job)[0].state is JobState.DONE


def _impatient(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute("PRAGMA busy_timeout = 10")
