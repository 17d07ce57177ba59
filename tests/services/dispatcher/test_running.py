"""Queued jobs become stored pictures, and all is told on the way."""

from __future__ import annotations

import threading
import time

from tests.services.conftest import Services
from tests.services.dispatcher.queued import (
    Start,
    at_step,
    ended_jobs,
    equipped,
    submit,
)
from tests.services.models import write_model
from tests.services.scripted import Scripted
from tests.workers.listening import eventually
from webui.contracts.events import JobChanged, JobStepped, WorkerChanged
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.job import JobState
from webui.contracts.messages import (
    JobEnded,
    JobNoted,
    PictureReady,
    WarmUp,
)
from webui.services.held_jobs import RESERVE
from webui.workers.protocol import OnEvent


def test_a_job_is_drawn_stored_and_done(services: Services, start: Start) -> None:
    start()
    (job,) = ended_jobs(services, submit(services, count=2))
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
    ended_jobs(services, submit(services, count=2))

    def told() -> list[str]:
        events = [e for e in services.told if not isinstance(e, (JobStepped, WorkerChanged))]
        return [e.job.state.value if isinstance(e, JobChanged) else "picture" for e in events]

    eventually(lambda: told()[-1] == "done")  # the record is written before it is told
    assert told() == ["queued", "running", "picture", "picture", "done"]


def test_jobs_that_waited_before_the_start_are_run(services: Services, start: Start) -> None:
    jobs = [submit(services) for _ in range(3)]
    start()
    assert {job.state for job in ended_jobs(services, *jobs)} == {JobState.DONE}


def test_jobs_share_the_worker_up_to_its_capacity(services: Services, start: Start) -> None:
    scripts: list[Scripted] = []

    def make(on_event: OnEvent) -> Scripted:
        scripts.append(Scripted(on_event))
        return scripts[-1]

    def are_given(number: int) -> None:
        eventually(lambda: bool(scripts) and len(scripts[0].orders()) == number)

    jobs = [submit(services) for _ in range(5)]
    start(make, capacity=2)
    for ended in range(5):
        given = min(ended + 2, 5)
        are_given(given)
        assert services.jobs.counts()[JobState.RUNNING] == given - ended
        scripts[0].finish(scripts[0].orders()[ended])
        assert ended_jobs(services, jobs[ended])[0].state is JobState.DONE


def test_a_high_priority_need_not_wait_for_the_end_of_a_running_job(
    services: Services, start: Start
) -> None:
    scripts: list[Scripted] = []

    def make(on_event: OnEvent) -> Scripted:
        scripts.append(Scripted(on_event))
        return scripts[-1]

    normal = [submit(services) for _ in range(3)]
    start(make, capacity=2)
    eventually(lambda: bool(scripts) and len(scripts[0].orders()) == 2)
    high = [submit(services, priority="High") for _ in range(RESERVE + 1)]
    eventually(lambda: len(scripts[0].orders()) == 2 + RESERVE)
    expected = [job.id for job in (*normal[:2], *high[:RESERVE])]
    assert [given.job_id for given in scripts[0].orders()] == expected


def test_steps_are_told_with_preview_and_estimate(services: Services, start: Start) -> None:
    start()
    ended_jobs(services, submit(services))
    steps = [e for e in services.told if isinstance(e, JobStepped)]
    assert [(e.step, e.steps) for e in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert steps[0].seconds_left is None
    assert steps[1].seconds_left is not None
    assert steps[1].seconds_left > 0
    assert steps[0].preview is not None
    assert steps[0].preview.webp.startswith(b"RIFF")


def test_each_step_says_which_picture_its_preview_shows(services: Services, start: Start) -> None:
    start()
    ended_jobs(services, submit(services, count=2))
    told = [e.index for e in services.told if isinstance(e, JobStepped)]
    assert told == [0, 0, 0, 0, 1, 1, 1, 1]


def test_what_the_worker_notes_of_a_job_is_kept_and_told(
    services: Services, scripted: Scripted
) -> None:
    job = submit(services)
    eventually(lambda: bool(scripted.orders()))
    scripted.say(JobNoted(job.id, "The prompt was cut."))
    said = "The prompt was cut."
    # It is in the record a moment before it is told.
    eventually(lambda: said in [e.job.note for e in services.told if isinstance(e, JobChanged)])
    assert services.jobs.get(job.id).note == said
    assert services.jobs.get(job.id).state is JobState.RUNNING


def test_a_cancelled_job_ends_and_the_others_go_on(services: Services, start: Start) -> None:
    start()
    long, short = submit(services, steps=1000), submit(services, steps=20)
    at_step(services, long, 1)
    services.jobs.cancel(long.id)
    ended = ended_jobs(services, long, short)
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
    job = submit(services)
    eventually(lambda: bool(workers and workers[0].orders()))
    dispatcher.renew_workers(warm_up=False)
    workers[0].say(PictureReady(job.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
    workers[0].say(JobEnded(job.id, "done", None))
    assert ended_jobs(services, job)[0].state is JobState.DONE
    eventually(lambda: len(workers) == 2 and dispatcher.status().state == "ready")
    later = submit(services)
    eventually(lambda: bool(workers[1].orders()))
    assert [c.job_id for c in workers[1].orders()] == [later.id]
    assert not any(isinstance(c, WarmUp) for c in workers[1].commands)
    services.jobs.cancel(later.id)


def test_an_idle_dispatcher_sleeps(services: Services, start: Start) -> None:
    start()
    ended_jobs(services, submit(services))
    (thread,) = [each for each in threading.enumerate() if each.name == "dispatcher"]
    assert thread.ident is not None
    clock = time.pthread_getcpuclockid(thread.ident)
    time.sleep(0.05)
    before = time.clock_gettime(clock)
    time.sleep(0.3)
    assert time.clock_gettime(clock) - before < 0.05


def test_the_worker_is_told_the_files_of_all_images_and_adapters(
    services: Services, scripted: Scripted
) -> None:
    image, request = equipped(services)
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
