"""No job is lost or drawn twice, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.services.conftest import Services, make_services
from tests.services.dispatcher.queued import (
    Start,
    at_step,
    echo,
    ended_jobs,
    quick,
    slow,
    submit,
)
from tests.services.scripted import Scripted
from tests.workers.listening import eventually
from webui.contracts.events import PictureSaved, WorkerChanged
from webui.contracts.fakes import FAKE_CHECKPOINT, FakeWorker
from webui.contracts.ids import JobId
from webui.contracts.job import JobState
from webui.contracts.messages import (
    ExtensionFailed,
    JobEnded,
    PictureReady,
    WorkerGone,
)
from webui.services.catalog import Catalog
from webui.services.dispatcher import Dispatcher
from webui.workers.protocol import OnEvent


def test_a_killed_worker_is_replaced_and_its_job_still_finishes(
    services: Services, start: Start, tmp_path: Path
) -> None:
    start(echo("--once", str(tmp_path / "once")))
    job = submit(services, "kill me once", count=2)
    (ended,) = ended_jobs(services, job)
    assert (ended.state, ended.attempts, len(ended.pictures)) == (JobState.DONE, 2, 2)
    assert [e.state for e in services.told if isinstance(e, WorkerChanged)].count("gone") == 1


def test_a_worker_killed_from_outside_takes_no_job_with_it(
    services: Services, start: Start
) -> None:
    dispatcher = start(echo())
    jobs = [submit(services, steps=12, count=2) for _ in range(3)]
    at_step(services, jobs[0], 13)
    eventually(lambda: len(services.gallery.delivered(jobs[0].id)) == 1)
    before = services.gallery.delivered(jobs[0].id), services.jobs.get(jobs[0].id).pictures
    os.kill(dispatcher.status().pid or 0, signal.SIGKILL)
    ended = ended_jobs(services, *jobs)
    assert {job.state for job in ended} == {JobState.DONE}
    assert {len(job.pictures) for job in ended} == {2}
    assert before[1][0] in ended[0].pictures  # what was delivered was not drawn again


def test_a_poisonous_job_fails_after_two_deaths_and_takes_no_other_down(
    services: Services, start: Start
) -> None:
    start(echo())
    first, poison, last = (
        submit(services, steps=9),
        submit(services, "kill you all"),
        submit(services, steps=9),
    )
    ended = ended_jobs(services, first, poison, last)
    assert [job.state for job in ended] == [JobState.DONE, JobState.FAILED, JobState.DONE]
    assert "SIGKILL" in (ended[1].error or "")
    assert [job.attempts for job in ended] == [2, 2, 2]


def test_suspects_are_tried_alone_and_before_later_jobs(
    services: Services, scripts: list[Scripted]
) -> None:
    jobs = [submit(services) for _ in range(2)]
    eventually(lambda: len(scripts[0].orders()) == 2)
    scripts[0].say(WorkerGone("The end."))
    jobs.append(submit(services))
    eventually(lambda: len(scripts) == 2)
    for number, job in enumerate(jobs, 1):
        eventually(lambda number=number: len(scripts[1].orders()) == number)  # type: ignore[misc]
        time.sleep(0.02)
        assert [order.job_id for order in scripts[1].orders()] == [j.id for j in jobs[:number]]
        scripts[1].say(JobEnded(job.id, "cancelled", None))
    ended_jobs(services, *jobs)


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
    job = submit(services)
    for life in range(2):
        eventually(lambda life=life: len(workers) > life and bool(workers[life].orders()))  # type: ignore[misc]
        os.truncate(file, 70 - life)
        workers[life].say(WorkerGone("It was ended by SIGBUS.", "SIGBUS"))
    error = ended_jobs(services, job)[0].error or ""
    assert f"The file {str(file)!r} was changed in place while it was in use" in error
    assert "had 70 bytes, and has 69" in error


def test_late_words_of_a_dead_worker_are_ignored(
    services: Services, scripts: list[Scripted]
) -> None:
    job = submit(services)
    eventually(lambda: len(scripts[0].orders()) == 1)
    scripts[0].say(WorkerGone("The end."))
    eventually(lambda: len(scripts) == 2 and len(scripts[1].orders()) == 1)
    scripts[0].say(JobEnded(job.id, "failed", "from the grave"))
    scripts[1].say(JobEnded(job.id, "cancelled", None))
    assert ended_jobs(services, job)[0].state is JobState.CANCELLED


def test_a_job_cancelled_while_its_worker_died_is_cancelled(
    services: Services, scripts: list[Scripted]
) -> None:
    job = submit(services)
    eventually(lambda: len(scripts[0].orders()) == 1)
    services.jobs.cancel(job.id)
    scripts[0].say(WorkerGone("The end."))
    assert ended_jobs(services, job)[0].state is JobState.CANCELLED


def test_a_stopped_studio_leaves_its_jobs_for_the_next_start(
    services: Services, start: Start
) -> None:
    dispatcher = start(slow)
    job = submit(services, steps=30, count=2)
    at_step(services, job, 3)
    dispatcher.stop()
    left = services.jobs.get(job.id)
    assert (left.state, left.attempts, services.jobs.deaths(job.id)) == (JobState.QUEUED, 0, 0)
    assert dispatcher.status().state == "gone"
    start(quick)
    assert ended_jobs(services, job)[0].state is JobState.DONE


def test_delivered_pictures_are_not_drawn_again(services: Services, start: Start) -> None:
    job = submit(services, count=3)
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
    (ended,) = ended_jobs(services, job)
    assert (ended.state, [p.index for p in ended.pictures]) == (JobState.DONE, [1, 2])
    assert kept in ended.pictures
    assert [e.picture.index for e in services.told if isinstance(e, PictureSaved)] == [1, 0, 2]


def test_the_worker_is_told_which_pictures_to_skip(
    services: Services, scripts: list[Scripted]
) -> None:
    job = submit(services, count=3)
    eventually(lambda: len(scripts[0].orders()) == 1)
    scripts[0].say(PictureReady(job.id, 1, 1, 64, 64, bytes(64 * 64 * 3)))
    scripts[0].say(WorkerGone("The end."))
    eventually(lambda: len(scripts) == 2 and len(scripts[1].orders()) == 1)
    assert [s.orders()[0].skip for s in scripts] == [(), (1,)]


def test_a_job_that_had_all_pictures_when_the_studio_died_is_done(
    services: Services, start: Start
) -> None:
    job = submit(services)
    services.jobs.mark_running(job.id)
    services.gallery.save(
        job, PictureReady(job.id, 0, job.request.seed, 64, 64, bytes(64 * 64 * 3))
    )
    start()
    assert ended_jobs(services, job)[0].state is JobState.DONE


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
    ended = ended_jobs(again, *[again.jobs.get(job_id) for job_id in ids])
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
    held, beside = submit(services), submit(services)
    eventually(lambda: len(scripts[0].orders()) == 2)
    scripts[0].say(ExtensionFailed("endless", "change_latent", "It did not.", "", "endless"))
    scripts[0].say(JobEnded(held.id, "failed", "It did not."))
    scripts[0].say(WorkerGone("It ended with status 3."))
    eventually(lambda: len(scripts) == 2 and len(scripts[1].orders()) == 1)
    assert [each.job_id for each in scripts[1].orders()] == [beside.id]
    assert services.jobs.deaths(beside.id) == 0
    failed = ended_jobs(services, held)[0]
    assert (failed.state, failed.error) == (JobState.FAILED, "It did not.")
    scripts[1].say(WorkerGone("Of itself."))
    eventually(lambda: services.jobs.deaths(beside.id) == 1)
