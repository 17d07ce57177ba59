"""Several devices: jobs are shared out among their workers, and what befalls one leaves the others alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.conftest import Services
from tests.services.models import write_model
from tests.services.scripted import Scripted
from tests.workers.listening import eventually
from webui.contracts.adapter import AdapterInfo
from webui.contracts.events import Event, WorkerChanged
from webui.contracts.ids import AdapterId
from webui.contracts.job import Job, JobState
from webui.contracts.messages import (
    CancelJob,
    ClassesRead,
    ReadClasses,
    WarmUp,
    WorkerGone,
)
from webui.services.dispatcher import Dispatcher
from webui.services.supervisor import WorkerStatus, together
from webui.workers.protocol import OnEvent


class _Devices:
    """Two devices and all lives of the workers on them."""

    def __init__(self) -> None:
        self.lives: tuple[list[Scripted], list[Scripted]] = ([], [])

    def make(self, number: int, on_event: OnEvent) -> Scripted:
        self.lives[number].append(Scripted(on_event))
        return self.lives[number][-1]

    @property
    def now(self) -> list[Scripted]:
        return [lives[-1] for lives in self.lives]

    def has(self, number: int, job: Job) -> bool:
        return job.id in [order.job_id for order in self.lives[number][-1].orders()]

    def finish(self, number: int, job: Job) -> None:
        worker = self.lives[number][-1]
        worker.finish(next(o for o in worker.orders() if o.job_id == job.id))


@pytest.fixture
def devices() -> _Devices:
    return _Devices()


@pytest.fixture
def dispatcher(services: Services, devices: _Devices) -> Iterator[Dispatcher]:
    s = services
    makers = [lambda e: devices.make(0, e), lambda e: devices.make(1, e)]
    made = Dispatcher(s.jobs, s.catalog, s.images, s.gallery, s.events, makers)
    made.start()
    eventually(lambda: [w.state for w in made.statuses()] == ["ready", "ready"])
    yield made
    made.stop()


def _submit(services: Services, prompt: str = "a boat", **fields: object) -> Job:
    return services.submit(prompt, **{"width": 64, "height": 64, "steps": 4, **fields})


def _is(services: Services, job: Job, state: JobState) -> bool:
    return services.jobs.get(job.id).state is state


@pytest.mark.usefixtures("dispatcher")
def test_each_device_draws_a_share_at_once(services: Services, devices: _Devices) -> None:
    first, second, third, fourth = (_submit(services, f"boat {i}") for i in range(4))
    eventually(lambda: devices.has(1, fourth))
    assert devices.has(0, first)
    assert devices.has(1, second)
    assert devices.has(0, third)
    for number, job in ((0, first), (1, second), (1, fourth), (0, third)):
        devices.finish(number, job)
    eventually(lambda: all(_is(services, j, JobState.DONE) for j in (first, second, third, fourth)))


@pytest.mark.usefixtures("dispatcher")
def test_of_two_idle_devices_the_one_that_has_the_model_draws(
    services: Services, devices: _Devices
) -> None:
    write_model(services.folder / "models" / "other")
    services.catalog.refresh()
    first = _submit(services, model="fake/gradient")
    other = _submit(services, model="other")
    eventually(lambda: devices.has(1, other))
    devices.finish(0, first)
    devices.finish(1, other)
    eventually(lambda: _is(services, other, JobState.DONE) and _is(services, first, JobState.DONE))
    again = _submit(services, model="other")
    eventually(lambda: devices.has(1, again))
    assert not devices.has(0, again)


@pytest.mark.usefixtures("dispatcher")
def test_a_worker_that_dies_takes_only_its_own_jobs_with_it(
    services: Services, devices: _Devices
) -> None:
    lost, kept = _submit(services, "lost"), _submit(services, "kept")
    eventually(lambda: devices.has(1, kept))
    devices.now[0].say(WorkerGone("Its card fell out."))
    eventually(lambda: services.jobs.deaths(lost.id) == 1)
    assert _is(services, kept, JobState.RUNNING)
    eventually(lambda: len(devices.lives[0]) == 2 and devices.has(0, lost))
    devices.finish(0, lost)
    devices.finish(1, kept)
    eventually(lambda: _is(services, lost, JobState.DONE) and _is(services, kept, JobState.DONE))
    assert len(devices.lives[1]) == 1


def test_while_one_device_is_away_the_others_draw(
    services: Services, devices: _Devices, dispatcher: Dispatcher
) -> None:
    devices.now[0].say(WorkerGone("Its card fell out."))
    eventually(lambda: dispatcher.statuses()[0].state == "gone")
    assert dispatcher.status().state == "ready"
    job = _submit(services)
    eventually(lambda: devices.has(1, job))


@pytest.mark.usefixtures("dispatcher")
def test_a_cancel_reaches_the_device_that_has_the_job(
    services: Services, devices: _Devices
) -> None:
    first, second = _submit(services, "first"), _submit(services, "second")
    eventually(lambda: devices.has(1, second))
    services.jobs.cancel(second.id)
    eventually(lambda: CancelJob(second.id) in devices.now[1].commands)
    assert not any(isinstance(c, CancelJob) for c in devices.now[0].commands)
    devices.finish(0, first)


def test_an_idle_device_starts_anew_at_once_and_a_busy_one_after_its_jobs(
    services: Services, devices: _Devices, dispatcher: Dispatcher
) -> None:
    busy = _submit(services, "busy")
    eventually(lambda: devices.has(0, busy))
    dispatcher.renew_workers(warm_up=False)
    eventually(lambda: len(devices.lives[1]) == 2)
    next_one = _submit(services, "next")
    eventually(lambda: devices.has(1, next_one))
    assert len(devices.lives[0]) == 1
    devices.finish(0, busy)
    eventually(lambda: len(devices.lives[0]) == 2)
    assert not any(isinstance(c, WarmUp) for worker in devices.now for c in worker.commands)


def test_a_picture_is_read_by_a_device_that_is_ready(
    devices: _Devices, dispatcher: Dispatcher
) -> None:
    devices.now[0].say(WorkerGone("Its card fell out."))
    eventually(lambda: dispatcher.statuses()[0].state == "gone")
    segmenter = AdapterInfo(AdapterId("segformer"), "segmenter", "SegFormer", "a folder", 1)
    waiting = dispatcher.read_classes(segmenter, "a file")
    eventually(lambda: any(isinstance(c, ReadClasses) for c in devices.now[1].commands))
    order = next(c for c in devices.now[1].commands if isinstance(c, ReadClasses))
    devices.now[1].say(ClassesRead(order.reading, 1, 1, b"\0", None))
    assert waiting.result(5.0).reading == order.reading


def test_what_is_told_of_several_devices_is_told_of_all(
    services: Services, devices: _Devices, dispatcher: Dispatcher
) -> None:
    told: list[Event] = []
    unsubscribe = services.events.subscribe(told.append)
    devices.now[1].say(WorkerGone("Its card fell out."))
    eventually(lambda: any(isinstance(e, WorkerChanged) for e in told))
    unsubscribe()
    change = next(e for e in told if isinstance(e, WorkerChanged))
    assert (change.state, change.device) == ("ready", "scripted")
    assert "2: Its card fell out." in change.detail
    assert dispatcher.status().state == "ready"


def test_several_workers_as_one() -> None:
    first = WorkerStatus("gone", "", "It fell out.", 0, None)
    second = WorkerStatus("starting", "", "It starts.", 0, 7)
    third = WorkerStatus("ready", "cuda:2 (A card)", "Ready.", 5, 8)
    fourth = WorkerStatus("ready", "cuda:3 (A card)", "Ready.", 6, 9)
    assert together([first]) is first
    assert together([first, second]).state == "starting"
    assert together([first, second, third, fourth]) == WorkerStatus(
        "ready",
        "cuda:2 (A card) + cuda:3 (A card)",
        "1: It fell out. 2: It starts. 3: Ready. 4: Ready.",
        11,
        None,
    )
