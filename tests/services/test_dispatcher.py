"""Queued jobs become stored pictures, whatever dies on the way."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import event

from tests.services.conftest import Services, make_services
from tests.services.models import write_controlnet, write_lora, write_model
from tests.services.scripted import Scripted
from tests.workers.listening import ECHO_WORKER, eventually
from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.events import JobChanged, JobStepped, PictureSaved, WorkerChanged
from webui.contracts.fakes import FAKE_CHECKPOINT, FakeWorker
from webui.contracts.ids import ImageId, JobId
from webui.contracts.job import Job, JobState
from webui.contracts.messages import (
    ExtensionFailed,
    JobEnded,
    JobNoted,
    PictureReady,
    WarmUp,
    WorkerGone,
)
from webui.hooks.specs import hookimpl
from webui.services.catalog import Catalog
from webui.services.dispatcher import Dispatcher
from webui.services.held_jobs import RESERVE
from webui.workers.local import LocalWorker
from webui.workers.protocol import OnEvent, Worker

Start = Callable[..., Dispatcher]
MakeWorker = Callable[[OnEvent], Worker]


def _quick(on_event: OnEvent) -> Worker:
    return FakeWorker(on_event, step_seconds=0.002)


def _slow(on_event: OnEvent) -> Worker:
    return FakeWorker(on_event, step_seconds=0.05)


def _echo(*arguments: str) -> MakeWorker:
    return lambda on_event: LocalWorker(on_event, [*ECHO_WORKER, *arguments])


@pytest.fixture
def start(services: Services) -> Iterator[Start]:
    made: list[Dispatcher] = []

    def begin(
        make: MakeWorker = _quick, capacity: int = 16, catalog: Catalog | None = None
    ) -> Dispatcher:
        s = services
        known = catalog or s.catalog
        made.append(Dispatcher(s.jobs, known, s.images, s.gallery, s.events, [make], capacity))
        made[-1].start()
        return made[-1]

    yield begin
    for dispatcher in made:
        dispatcher.stop()


@pytest.fixture
def scripts(start: Start) -> list[Scripted]:
    """All lives of a scripted worker, the first already begun."""
    workers: list[Scripted] = []

    def make(on_event: OnEvent) -> Scripted:
        workers.append(Scripted(on_event))
        return workers[-1]

    start(make)
    eventually(lambda: bool(workers))
    return workers


@pytest.fixture
def scripted(scripts: list[Scripted]) -> Scripted:
    return scripts[0]


def _submit(services: Services, prompt: str = "a boat", **fields: object) -> Job:
    return services.submit(prompt, **{"width": 64, "height": 64, "steps": 4, **fields})


def _ended(services: Services, *jobs: Job) -> list[Job]:
    eventually(lambda: all(services.jobs.get(job.id).state.is_final for job in jobs), seconds=9.0)
    return [services.jobs.get(job.id) for job in jobs]


def _at_step(services: Services, job: Job, step: int) -> None:
    eventually(lambda: services.jobs.get(job.id).step >= step)


def test_a_job_is_drawn_stored_and_done(services: Services, start: Start) -> None:
    start()
    (job,) = _ended(services, _submit(services, count=2))
    assert (job.state, job.error, job.step, job.steps, job.attempts) == (
        JobState.DONE,
        None,
        8,
        8,
        1,
    )
    assert [p.seed for p in job.pictures] == [job.request.seed, job.request.seed + 1]
    assert all(services.gallery.path(p.id).is_file() for p in job.pictures)


def test_every_picture_is_told_before_its_job_is_done(services: Services, start: Start) -> None:
    start()
    _ended(services, _submit(services, count=2))

    def told() -> list[str]:
        events = [e for e in services.told if not isinstance(e, (JobStepped, WorkerChanged))]
        return [e.job.state.value if isinstance(e, JobChanged) else "picture" for e in events]

    eventually(lambda: told()[-1] == "done")  # the record is written before it is told
    assert told() == ["queued", "running", "picture", "picture", "done"]


def test_jobs_that_waited_before_the_start_are_run(services: Services, start: Start) -> None:
    jobs = [_submit(services) for _ in range(3)]
    start()
    assert {job.state for job in _ended(services, *jobs)} == {JobState.DONE}


def test_jobs_share_the_worker_up_to_its_capacity(services: Services, start: Start) -> None:
    start(_slow, capacity=2)
    jobs = [_submit(services) for _ in range(5)]
    most = 0
    while services.jobs.counts()[JobState.DONE] < 5:
        most = max(most, services.jobs.counts()[JobState.RUNNING])
        time.sleep(0.005)
    assert most == 2
    assert {job.state for job in _ended(services, *jobs)} == {JobState.DONE}


def test_a_high_priority_need_not_wait_for_the_end_of_a_running_job(
    services: Services, start: Start
) -> None:
    scripts: list[Scripted] = []

    def make(on_event: OnEvent) -> Scripted:
        scripts.append(Scripted(on_event))
        return scripts[-1]

    normal = [_submit(services) for _ in range(3)]
    start(make, capacity=2)
    eventually(lambda: bool(scripts) and len(scripts[0].orders()) == 2)
    high = [_submit(services, priority="High") for _ in range(RESERVE + 1)]
    eventually(lambda: len(scripts[0].orders()) == 2 + RESERVE)
    expected = [job.id for job in (*normal[:2], *high[:RESERVE])]
    assert [given.job_id for given in scripts[0].orders()] == expected


def test_steps_are_told_with_preview_and_estimate(services: Services, start: Start) -> None:
    start()
    _ended(services, _submit(services))
    steps = [e for e in services.told if isinstance(e, JobStepped)]
    assert [(e.step, e.steps) for e in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert steps[0].seconds_left is None
    assert steps[1].seconds_left is not None
    assert steps[1].seconds_left > 0
    assert steps[0].preview is not None
    assert steps[0].preview.webp.startswith(b"RIFF")


def test_each_step_says_which_picture_its_preview_shows(services: Services, start: Start) -> None:
    start()
    _ended(services, _submit(services, count=2))
    told = [e.index for e in services.told if isinstance(e, JobStepped)]
    assert told == [0, 0, 0, 0, 1, 1, 1, 1]


def test_what_the_worker_notes_of_a_job_is_kept_and_told(
    services: Services, scripted: Scripted
) -> None:
    job = _submit(services)
    eventually(lambda: bool(scripted.orders()))
    scripted.say(JobNoted(job.id, "The prompt was cut."))
    said = "The prompt was cut."
    # It is in the record a moment before it is told.
    eventually(lambda: said in [e.job.note for e in services.told if isinstance(e, JobChanged)])
    assert services.jobs.get(job.id).note == said
    assert services.jobs.get(job.id).state is JobState.RUNNING


def test_a_cancelled_job_ends_and_the_others_go_on(services: Services, start: Start) -> None:
    start()
    long, short = _submit(services, steps=1000), _submit(services, steps=20)
    _at_step(services, long, 1)
    services.jobs.cancel(long.id)
    ended = _ended(services, long, short)
    assert [job.state for job in ended] == [JobState.CANCELLED, JobState.DONE]
    assert ended[0].step < 1000


def test_a_worker_that_is_ready_loads_the_default_model_ahead(scripted: Scripted) -> None:
    eventually(lambda: bool(scripted.commands))
    assert scripted.commands == [WarmUp(FAKE_CHECKPOINT)]


def test_the_memory_is_given_back_by_a_new_worker_once_nothing_is_drawn(
    services: Services, start: Start
) -> None:
    workers: list[Scripted] = []

    def make(on_event: OnEvent) -> Scripted:
        workers.append(Scripted(on_event))
        return workers[-1]

    dispatcher = start(make)
    job = _submit(services)
    eventually(lambda: bool(workers and workers[0].orders()))
    dispatcher.renew_workers(warm_up=False)
    workers[0].say(PictureReady(job.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
    workers[0].say(JobEnded(job.id, "done", None))
    assert _ended(services, job)[0].state is JobState.DONE
    eventually(lambda: len(workers) == 2 and dispatcher.status().state == "ready")
    later = _submit(services)
    eventually(lambda: bool(workers[1].orders()))
    assert [c.job_id for c in workers[1].orders()] == [later.id]
    assert not any(isinstance(c, WarmUp) for c in workers[1].commands)
    services.jobs.cancel(later.id)


def test_an_idle_dispatcher_sleeps(services: Services, start: Start) -> None:
    start()
    _ended(services, _submit(services))
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.05


def test_a_done_without_all_pictures_is_a_failure(services: Services, scripted: Scripted) -> None:
    job = _submit(services, count=2)
    eventually(lambda: bool(scripted.orders()))
    scripted.say(PictureReady(job.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
    scripted.say(JobEnded(job.id, "done", None))
    (ended,) = _ended(services, job)
    assert (ended.state, ended.error) == (
        JobState.FAILED,
        "The worker ended the job after 1 of 2 pictures.",
    )


def test_a_failure_of_the_worker_reaches_the_job_as_its_sentence(
    services: Services, scripted: Scripted
) -> None:
    job = _submit(services)
    eventually(lambda: bool(scripted.orders()))
    scripted.say(JobEnded(job.id, "failed", "It rained."))
    (ended,) = _ended(services, job)
    assert (ended.state, ended.error) == (JobState.FAILED, "It rained.")


def test_an_unknown_end_is_a_failure(services: Services, scripted: Scripted) -> None:
    job = _submit(services)
    eventually(lambda: bool(scripted.orders()))
    scripted.say(JobEnded(job.id, "vanished", None))
    (ended,) = _ended(services, job)
    assert ended.state is JobState.FAILED
    assert "'vanished'" in (ended.error or "")


def test_words_about_unknown_jobs_are_ignored(services: Services, scripted: Scripted) -> None:
    job = _submit(services)
    eventually(lambda: bool(scripted.orders()))
    for said in (JobEnded(JobId("x"), "done", None), PictureReady(JobId("x"), 0, 1, 1, 1, b"rgb")):
        scripted.say(said)
    scripted.say(JobEnded(job.id, "cancelled", None))
    assert _ended(services, job)[0].state is JobState.CANCELLED


def test_a_picture_that_cannot_be_stored_fails_its_job_only(
    services: Services, scripted: Scripted
) -> None:
    broken, good = _submit(services), _submit(services)
    eventually(lambda: len(scripted.orders()) == 2)
    scripted.say(PictureReady(broken.id, 0, 1, 64, 64, b"too short"))
    scripted.say(PictureReady(good.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
    scripted.say(JobEnded(good.id, "done", None))
    ended = _ended(services, broken, good)
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
    start(_quick)
    (alone,) = _ended(services, _submit(services, seed=5))
    services.hooks.host.register(_FailsFor(), "unlucky")
    jobs = [_submit(services, "unlucky"), _submit(services, seed=5)]
    ended = _ended(services, *jobs)
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
    job = _submit(services, "unlucky", count=2)
    eventually(lambda: len(scripted.orders()) == 1)
    scripted.say(PictureReady(job.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
    scripted.say(JobNoted(job.id, "The prompt was cut."))
    scripted.say(PictureReady(job.id, 1, 2, 64, 64, bytes(64 * 64 * 3)))
    scripted.say(JobEnded(job.id, "done", None))
    (ended,) = _ended(services, job)
    assert (ended.note or "").startswith("The prompt was cut. ")
    assert (ended.note or "").count("'unlucky' failed when it had to name") == 1


def test_a_job_whose_model_was_removed_fails_with_a_sentence(
    services: Services, start: Start
) -> None:
    write_model(services.folder / "models" / "mine")
    job = _submit(services, model="mine")
    shutil.rmtree(services.folder / "models" / "mine")
    start()
    (ended,) = _ended(services, job)
    assert "There is no model 'mine'" in (ended.error or "")


def _equipped(services: Services) -> tuple[ImageId, dict[str, object]]:
    """An uploaded image, and a request for a model with a controlnet and two LoRAs."""
    models = services.folder / "models"
    write_model(models / "m")
    write_controlnet(models / "edges", reads="edges")
    for name in ("chalk", "ink"):
        write_lora(models / "loras" / f"{name}.safetensors")
    out = io.BytesIO()
    Image.new("L", (16, 16), 255).save(out, "PNG")
    image = services.images.put(out.getvalue())
    control = {"adapter": "edges", "image": image}
    loras = [{"adapter": "chalk"}, {"adapter": "ink"}, {"adapter": "chalk", "weight": 2}]
    return image, {
        "model": "m", "image": image, "mask": image, "controls": [control], "loras": loras,
    }  # fmt: skip


def test_the_worker_is_told_the_files_of_all_images_and_adapters(
    services: Services, scripted: Scripted
) -> None:
    image, request = _equipped(services)
    services.submit("a boat", **request)
    eventually(lambda: bool(scripted.orders()))
    (order,) = scripted.orders()
    assert order.images == {image: str(services.images.path(image))}
    assert [(a.id, a.kind, a.reads) for a in order.adapters] == [
        ("edges", "controlnet", "edges"),
        ("loras/chalk", "lora", ""),
        ("loras/ink", "lora", ""),
    ]


def test_the_worker_is_told_of_every_model_that_a_job_names(
    services: Services, scripted: Scripted
) -> None:
    for name in ("m", "fine", "large"):
        write_model(services.folder / "models" / name)
    models = {"model": "m", "refiner": "fine", "hires_model": "large"}
    services.submit("a boat", **models, hires_scale=2.0)
    eventually(lambda: bool(scripted.orders()))
    (order,) = scripted.orders()
    assert order.checkpoint.id == "m"
    assert [other.id for other in order.others] == ["fine", "large"]


def test_a_job_whose_adapter_was_removed_fails_with_a_sentence(
    services: Services, start: Start
) -> None:
    _, request = _equipped(services)
    job = services.submit("a boat", **request)
    (services.folder / "models" / "loras" / "ink.safetensors").unlink()
    start()
    (ended,) = _ended(services, job)
    assert ended.state is JobState.FAILED
    assert "There is no lora 'loras/ink'" in (ended.error or "")


def test_a_job_whose_image_was_removed_fails_with_a_sentence(
    services: Services, start: Start
) -> None:
    image, request = _equipped(services)
    job = services.submit("a boat", **request)
    services.images.path(image).unlink()
    start()
    (ended,) = _ended(services, job)
    assert (ended.state, "no image" in (ended.error or "")) == (JobState.FAILED, True)


def test_a_killed_worker_is_replaced_and_its_job_still_finishes(
    services: Services, start: Start, tmp_path: Path
) -> None:
    start(_echo("--once", str(tmp_path / "once")))
    job = _submit(services, "kill me once", count=2)
    (ended,) = _ended(services, job)
    assert (ended.state, ended.attempts, len(ended.pictures)) == (JobState.DONE, 2, 2)
    assert [e.state for e in services.told if isinstance(e, WorkerChanged)].count("gone") == 1


def test_a_worker_killed_from_outside_takes_no_job_with_it(
    services: Services, start: Start
) -> None:
    dispatcher = start(_echo())
    jobs = [_submit(services, steps=12, count=2) for _ in range(3)]
    _at_step(services, jobs[0], 13)
    eventually(lambda: len(services.gallery.delivered(jobs[0].id)) == 1)
    before = services.gallery.delivered(jobs[0].id), services.jobs.get(jobs[0].id).pictures
    os.kill(dispatcher.status().pid or 0, signal.SIGKILL)
    ended = _ended(services, *jobs)
    assert {job.state for job in ended} == {JobState.DONE}
    assert {len(job.pictures) for job in ended} == {2}
    assert before[1][0] in ended[0].pictures  # what was delivered was not drawn again


def test_a_poisonous_job_fails_after_two_deaths_and_takes_no_other_down(
    services: Services, start: Start
) -> None:
    start(_echo())
    first, poison, last = (
        _submit(services, steps=9),
        _submit(services, "kill you all"),
        _submit(services, steps=9),
    )
    ended = _ended(services, first, poison, last)
    assert [job.state for job in ended] == [JobState.DONE, JobState.FAILED, JobState.DONE]
    assert "SIGKILL" in (ended[1].error or "")
    assert [job.attempts for job in ended] == [2, 2, 2]


def test_suspects_are_tried_alone_and_before_later_jobs(
    services: Services, scripts: list[Scripted]
) -> None:
    jobs = [_submit(services) for _ in range(2)]
    eventually(lambda: len(scripts[0].orders()) == 2)
    scripts[0].say(WorkerGone("The end."))
    jobs.append(_submit(services))
    eventually(lambda: len(scripts) == 2)
    for number, job in enumerate(jobs, 1):
        eventually(lambda number=number: len(scripts[1].orders()) == number)  # type: ignore[misc]
        time.sleep(0.02)
        assert [order.job_id for order in scripts[1].orders()] == [j.id for j in jobs[:number]]
        scripts[1].say(JobEnded(job.id, "cancelled", None))
    _ended(services, *jobs)


def test_a_file_that_was_cut_short_under_the_worker_is_named_and_its_job_is_tried_again(
    services: Services, start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(bytes(5000))
    catalog = Catalog([tmp_path / "none"], built_in=[replace(FAKE_CHECKPOINT, path=str(file))])
    workers: list[Scripted] = []

    def make(on_event: OnEvent) -> Scripted:
        workers.append(Scripted(on_event))
        return workers[-1]

    start(make, catalog=catalog)
    eventually(lambda: bool(workers))
    job = _submit(services)
    for life in range(2):
        eventually(lambda life=life: len(workers) > life and bool(workers[life].orders()))  # type: ignore[misc]
        os.truncate(file, 70 - life)
        workers[life].say(WorkerGone("It was ended by SIGBUS.", "SIGBUS"))
    error = _ended(services, job)[0].error or ""
    assert f"The file {str(file)!r} was changed in place while it was in use" in error
    assert "had 70 bytes, and has 69" in error


def test_late_words_of_a_dead_worker_are_ignored(
    services: Services, scripts: list[Scripted]
) -> None:
    job = _submit(services)
    eventually(lambda: len(scripts[0].orders()) == 1)
    scripts[0].say(WorkerGone("The end."))
    eventually(lambda: len(scripts) == 2 and len(scripts[1].orders()) == 1)
    scripts[0].say(JobEnded(job.id, "failed", "from the grave"))
    scripts[1].say(JobEnded(job.id, "cancelled", None))
    assert _ended(services, job)[0].state is JobState.CANCELLED


def test_a_job_cancelled_while_its_worker_died_is_cancelled(
    services: Services, scripts: list[Scripted]
) -> None:
    job = _submit(services)
    eventually(lambda: len(scripts[0].orders()) == 1)
    services.jobs.cancel(job.id)
    scripts[0].say(WorkerGone("The end."))
    assert _ended(services, job)[0].state is JobState.CANCELLED


def test_an_error_that_nobody_foresaw_ends_the_job_and_not_the_dispatcher(
    services: Services, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, other = _submit(services), _submit(services)
    eventually(lambda: len(scripted.orders()) == 2)
    monkeypatch.setattr(services.gallery, "save", _fail_inside)
    scripted.say(PictureReady(job.id, 0, 1, 64, 64, b""))
    assert "failed inside" in (_ended(services, job)[0].error or "")
    scripted.say(JobEnded(other.id, "cancelled", None))
    assert _ended(services, other)[0].state is JobState.CANCELLED


def _fail_inside(*_: object) -> None:
    raise KeyError("missing")


def test_while_the_record_is_locked_nothing_is_lost(services: Services, scripted: Scripted) -> None:
    """Another program holds the file: the worker's words wait until it lets go."""
    job = _submit(services)
    eventually(lambda: len(scripted.orders()) == 1)
    with closing(sqlite3.connect(services.folder / "easel.sqlite", isolation_level=None)) as holder:
        event.listen(services.database, "checkout", _impatient)
        holder.execute("BEGIN IMMEDIATE")
        scripted.say(PictureReady(job.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
        scripted.say(JobEnded(job.id, "done", None))
        time.sleep(0.1)
        assert services.jobs.get(job.id).state is JobState.RUNNING
        holder.execute("ROLLBACK")
    assert _ended(services, job)[0].state is JobState.DONE


def _impatient(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute("PRAGMA busy_timeout = 10")


def test_a_stopped_studio_leaves_its_jobs_for_the_next_start(
    services: Services, start: Start
) -> None:
    dispatcher = start(_slow)
    job = _submit(services, steps=30, count=2)
    _at_step(services, job, 3)
    dispatcher.stop()
    left = services.jobs.get(job.id)
    assert (left.state, left.attempts, services.jobs.deaths(job.id)) == (JobState.QUEUED, 0, 0)
    assert dispatcher.status().state == "gone"
    start(_quick)
    assert _ended(services, job)[0].state is JobState.DONE


def test_delivered_pictures_are_not_drawn_again(services: Services, start: Start) -> None:
    job = _submit(services, count=3)
    services.jobs.mark_running(job.id)
    kept = services.gallery.save(
        job, PictureReady(job.id, 1, job.request.seed + 1, 64, 64, bytes(64 * 64 * 3))
    )
    services.gallery.delete(
        services.gallery.save(
            job, PictureReady(job.id, 0, job.request.seed, 64, 64, bytes(64 * 64 * 3))
        ).id
    )
    start()
    (ended,) = _ended(services, job)
    assert (ended.state, [p.index for p in ended.pictures]) == (JobState.DONE, [1, 2])
    assert kept in ended.pictures
    assert [e.picture.index for e in services.told if isinstance(e, PictureSaved)] == [1, 0, 2]


def test_the_worker_is_told_which_pictures_to_skip(
    services: Services, scripts: list[Scripted]
) -> None:
    job = _submit(services, count=3)
    eventually(lambda: len(scripts[0].orders()) == 1)
    scripts[0].say(PictureReady(job.id, 1, 1, 64, 64, bytes(64 * 64 * 3)))
    scripts[0].say(WorkerGone("The end."))
    eventually(lambda: len(scripts) == 2 and len(scripts[1].orders()) == 1)
    assert [s.orders()[0].skip for s in scripts] == [(), (1,)]


def test_a_job_that_had_all_pictures_when_the_studio_died_is_done(
    services: Services, start: Start
) -> None:
    job = _submit(services)
    services.jobs.mark_running(job.id)
    services.gallery.save(
        job, PictureReady(job.id, 0, job.request.seed, 64, 64, bytes(64 * 64 * 3))
    )
    start()
    assert _ended(services, job)[0].state is JobState.DONE


_STUDIO = """
import sys, time
from pathlib import Path
from tests.services.conftest import make_services
from webui.contracts.fakes import FakeWorker
from webui.hooks.specs import hookimpl
from webui.services.catalog import Catalog
from webui.services.dispatcher import Dispatcher
s = make_services(Path(sys.argv[1]))
Dispatcher(s.jobs, s.catalog, s.images, s.gallery, s.events, [lambda e: FakeWorker(e, 0.02)], 4).start()
for i in range(30):
    print(s.submit(f"job {i}", width=64, height=64, steps=3, count=2).id, flush=True)
time.sleep(60)
"""


def test_a_killed_studio_loses_none_of_thirty_jobs(tmp_path: Path) -> None:
    """kill -9 in the midst of it; what was acknowledged on stdout is done after the next start."""
    process = subprocess.Popen(
        [sys.executable, "-c", _STUDIO, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    ids = [JobId(process.stdout.readline().strip()) for _ in range(30)]
    process.kill()
    process.wait()
    process.stdout.close()
    again = make_services(tmp_path)
    finished_before = again.jobs.counts()[JobState.DONE]
    s = again
    dispatcher = Dispatcher(
        s.jobs, s.catalog, s.images, s.gallery, s.events, [lambda e: FakeWorker(e, 0.001)], 8
    )
    dispatcher.start()
    ended = _ended(again, *[again.jobs.get(job_id) for job_id in ids])
    dispatcher.stop()
    again.database.dispose()
    assert finished_before < 30
    assert {(job.state, len(job.pictures)) for job in ended} == {(JobState.DONE, 2)}
    stored = list((tmp_path / "outputs").glob("*-*-*/*.png"))
    assert (
        60 <= len(stored) <= 61
    )  # at most one was on disk, and not yet in the record, when it died


def test_jobs_beside_a_hook_that_never_ends_go_on_without_blame(
    services: Services, scripts: list[Scripted]
) -> None:
    held, beside = _submit(services), _submit(services)
    eventually(lambda: len(scripts[0].orders()) == 2)
    scripts[0].say(ExtensionFailed("endless", "change_latent", "It did not.", "", "endless"))
    scripts[0].say(JobEnded(held.id, "failed", "It did not."))
    scripts[0].say(WorkerGone("It ended with status 3."))
    eventually(lambda: len(scripts) == 2 and len(scripts[1].orders()) == 1)
    assert [each.job_id for each in scripts[1].orders()] == [beside.id]
    assert services.jobs.deaths(beside.id) == 0
    failed = _ended(services, held)[0]
    assert (failed.state, failed.error) == (JobState.FAILED, "It did not.")
    scripts[1].say(WorkerGone("Of itself."))
    eventually(lambda: services.jobs.deaths(beside.id) == 1)
