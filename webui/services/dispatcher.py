"""Brings queued jobs to the worker, and what the worker makes into the record.

One thread does all of it, so its state needs no locks; others reach it through an inbox. While
nothing happens it sleeps.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.exc import OperationalError

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BadRequest, EaselError, HookFailed, NotFound
from webui.contracts.events import Event, JobChanged, JobStepped, QueuePaused
from webui.contracts.ids import JobId
from webui.contracts.job import Job, JobState
from webui.contracts.messages import (
    CancelJob,
    ClassesRead,
    ExtensionCalled,
    ExtensionFailed,
    JobEnded,
    JobNoted,
    ModelReady,
    PictureReady,
    ReadClasses,
    StepDone,
    UseExtensions,
    WarmUp,
    WorkerEvent,
    WorkerGone,
    WorkerReady,
)
from webui.contracts.preferences import Preferences
from webui.services.catalog import Catalog
from webui.services.class_readings import ClassReadings, Waiting
from webui.services.events import EventBus
from webui.services.extensions import ExtensionService
from webui.services.gallery import Gallery
from webui.services.held_jobs import HeldJobs
from webui.services.images import ImageStore
from webui.services.jobs import JobService
from webui.services.orders import order_of
from webui.services.supervisor import MakeWorker, Supervisor, WorkerStatus
from webui.services.used_files import UsedFiles

__all__ = ["Dispatcher", "WorkerStatus"]

RETRY_SECONDS = 1.0
STOP_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Said:
    """The worker of some life said something."""

    life: int
    event: WorkerEvent


_Item = _Said | CancelJob | UseExtensions | ReadClasses


class Dispatcher:
    """Keeps up to `capacity` jobs in the worker, whose engine runs them in common batches.

    What becomes of them when it dies, `HeldJobs` decides.
    """

    def __init__(  # noqa: PLR0913 - one place wires these, and each is a service
        self,
        jobs: JobService,
        catalog: Catalog,
        images: ImageStore,
        gallery: Gallery,
        events: EventBus,
        make_worker: MakeWorker,
        capacity: int = 16,
        clock: Callable[[], float] = time.monotonic,
        extensions: ExtensionService | None = None,
        is_paused: Callable[[], bool] = lambda: False,
        preferences: Callable[[], Preferences] = Preferences,
    ) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._images = images
        self._gallery = gallery
        self._events = events
        self._extensions = extensions
        self._is_paused = is_paused
        self._preferences = preferences
        self._renewing = False
        self._warms_up = True
        self._readings = ClassReadings()
        self._used = UsedFiles()
        self._endless: str | None = None
        self._clock = clock
        self._supervisor = Supervisor(make_worker, self._hear, events, clock)
        self._condition = threading.Condition()
        self._inbox: deque[_Item] = deque()
        self._woken = True
        self._stopping = False
        self._retry_at: float | None = None
        self._held = HeldJobs(jobs, gallery, capacity)
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Put back what an earlier studio left running, start a worker, and begin."""
        self._jobs.recover()
        self._jobs.on_cancel = lambda job_id: self._put(CancelJob(job_id))
        self._gallery.on_problems = self._held.note_own
        self._unsubscribe = self._events.subscribe(self._on_event)
        self._thread.start()

    def stop(self) -> None:
        """End the worker; its jobs go back to the queue and are run after the next start."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._unsubscribe()

    def status(self) -> WorkerStatus:
        """The worker's state."""
        return self._supervisor.status()

    # From other threads

    def refresh_extensions(self) -> None:
        """Tell the worker that extensions came or went."""
        if self._extensions is not None:
            self._put(self._extensions.worker_command())

    def renew_worker(self, *, warm_up: bool = True) -> None:
        """Have the worker started anew as soon as it draws nothing: it obeys its settings and holds no memory.

        Without `warm_up` no model is loaded ahead, so the memory stays free until a job needs it.
        """
        with self._condition:
            self._renewing = self._woken = True
            self._warms_up = warm_up
            self._condition.notify()

    def read_classes(self, segmenter: AdapterInfo, image: str) -> Waiting:
        """Have the worker see which classes a picture's file shows; an error of it is a JobFailed."""
        order, waiting = self._readings.begin(segmenter, image)
        self._put(order)
        return waiting

    def _on_event(self, event: Event) -> None:
        is_queued = isinstance(event, JobChanged) and event.job.state is JobState.QUEUED
        if is_queued or isinstance(event, QueuePaused):
            with self._condition:
                self._woken = True
                self._condition.notify()

    def _hear(self, life: int, event: WorkerEvent) -> None:
        self._put(_Said(life, event))

    def _put(self, item: _Item) -> None:
        with self._condition:
            self._inbox.append(item)
            self._condition.notify()

    # The thread

    def _run(self) -> None:
        while self._wait():
            try:
                self._turn()
            except OperationalError:
                # The disk is full or the file is locked: everything stays as it is, for later.
                _log.exception(
                    "The record cannot be written; trying again in %.0f s.", RETRY_SECONDS
                )
                self._retry_at = self._clock() + RETRY_SECONDS
        self._wind_down()

    def _wait(self) -> bool:
        """Sleep until there is something to do; False when it is to stop."""
        with self._condition:
            while not self._stopping:
                due = self._retry_in(), self._supervisor.seconds_until_due()
                pauses = [seconds for seconds in due if seconds is not None]
                if any(s <= 0 for s in pauses):
                    break
                if self._retry_at is None and (self._inbox or self._woken):
                    break
                self._condition.wait(min(pauses, default=None))
            self._woken = False
            return not self._stopping

    def _retry_in(self) -> float | None:
        return None if self._retry_at is None else self._retry_at - self._clock()

    def _turn(self) -> None:
        self._retry_at = None
        self._empty_inbox()
        if self._renewing and not self._held:
            self._renewing = False
            self._supervisor.renew(STOP_SECONDS)
            self._readings.fail("The engine was started anew; try again in a moment.")
        self._supervisor.start_if_due()
        self._hand_out()

    def _empty_inbox(self) -> None:
        while self._inbox:
            item = self._inbox[0]
            try:
                self._handle(item)
            except OperationalError:
                raise  # the item stays and is handled again
            except Exception:  # noqa: BLE001 - the border of the worker loop
                _log.exception("%s could not be handled.", type(item).__name__)
                self._give_up_on(item)
            self._inbox.popleft()

    def _handle(self, item: _Item) -> None:
        if isinstance(item, CancelJob):
            if self._held.get(item.job_id) is not None:
                self._supervisor.send(item)
        elif isinstance(item, ReadClasses) and not self._supervisor.is_ready:
            self._readings.fail("The engine is starting; try again in a moment.")
        elif isinstance(item, (UseExtensions, ReadClasses)):
            self._supervisor.send(item)
        elif item.life == self._supervisor.life:
            self._handle_event(item.event)

    def _handle_event(self, event: WorkerEvent) -> None:
        if isinstance(event, StepDone):
            self._stepped(event)
        elif isinstance(event, PictureReady):
            self._keep(event)
        elif isinstance(event, JobNoted):
            self._held.note(event.job_id, event.text)
        elif isinstance(event, ClassesRead):
            self._readings.answered(event)
        elif isinstance(event, JobEnded):
            self._ended(event)
        elif isinstance(event, WorkerReady):
            self._supervisor.ready(event)
            self._send_extensions()
            self._warm_up()
        elif isinstance(event, (ExtensionFailed, ExtensionCalled)):
            if isinstance(event, ExtensionFailed):
                self._extension_failed(event)
        elif isinstance(event, ModelReady):
            self._supervisor.loaded(event)
        else:
            self._worker_gone(event)

    def _send_extensions(self) -> None:
        """Have the worker load what is in use here; ahead of any job, which may name one."""
        if self._extensions is not None:
            self._supervisor.send(self._extensions.worker_command())

    def _warm_up(self) -> None:
        """Load the likely model ahead, unless a job is about to say which."""
        warms_up, self._warms_up = self._warms_up, True
        if not warms_up:
            return
        checkpoint = self._catalog.default()
        if checkpoint is not None and self._jobs.next_queued() is None:
            self._used.note(checkpoint)
            self._supervisor.send(WarmUp(checkpoint))

    def _stepped(self, event: StepDone) -> None:
        held = self._held.get(event.job_id)
        if held is None:
            return
        self._jobs.mark_step(event.job_id, event.step, event.steps)
        left = held.pace.note(event.step, event.steps, self._clock())
        self._events.publish(
            JobStepped(event.job_id, event.step, event.steps, left, event.preview, event.index)
        )

    def _keep(self, event: PictureReady) -> None:
        held = self._held.get(event.job_id)
        if held is None:
            return
        try:
            self._gallery.save(held.job, event)
        except (OSError, HookFailed, ValueError) as error:
            _log.exception("Picture %d of job %s could not be stored.", event.index, event.job_id)
            self._fail(event.job_id, f"The picture was drawn, but could not be stored: {error}")

    def _ended(self, event: JobEnded) -> None:
        held = self._held.get(event.job_id)
        if held is None:
            return
        state, error = _outcome(event)
        if state is JobState.DONE:
            stored, wanted = len(self._gallery.delivered(event.job_id)), held.job.request.count
            if stored < wanted:
                state, error = (
                    JobState.FAILED,
                    f"The worker ended the job after {stored} of {wanted} pictures.",
                )
            self._supervisor.proved()
        self._jobs.finish(event.job_id, state, error)
        self._held.drop(event.job_id)

    def _extension_failed(self, event: ExtensionFailed) -> None:
        if event.kind == "endless":
            self._endless = event.message
        if self._extensions is not None:
            self._extensions.worker_failed(event)

    def _worker_gone(self, event: WorkerGone) -> None:
        why, endless = self._used.why(event), self._endless
        reason, self._endless = endless or why, None
        self._held.worker_died(reason, blame=endless is None)
        self._readings.fail(f"The engine ended while it read the picture. {reason}")
        self._supervisor.ended(reason)

    def _hand_out(self) -> None:
        while self._supervisor.is_ready and not (self._renewing or self._is_paused()):
            job = self._jobs.next_queued()
            if job is None or not self._held.has_room_for(job):
                return
            self._give(job)

    def _give(self, job: Job) -> None:
        try:
            command = order_of(job, self._catalog, self._images, self._preferences())
        except (BadRequest, NotFound) as error:
            self._jobs.finish(job.id, JobState.FAILED, str(error))
            return
        if self._held.is_complete(job):
            self._jobs.finish(job.id, JobState.DONE)
            return
        running = self._jobs.mark_running(job.id)
        if running is None:
            return  # cancelled just now
        self._held.add(running)
        self._used.note(command.checkpoint, *command.others, *command.adapters)
        self._supervisor.send(replace(command, skip=self._gallery.delivered(job.id)))

    def _fail(self, job_id: JobId, error: str) -> None:
        self._jobs.finish(job_id, JobState.FAILED, error)
        self._held.drop(job_id)
        self._supervisor.send(CancelJob(job_id))

    def _give_up_on(self, item: _Item) -> None:
        """After an error that nobody foresaw: end the job that it was about, so it is not stuck."""
        job_id = getattr(getattr(item, "event", item), "job_id", None)
        if (held := self._held.get(job_id)) is not None:
            self._fail(
                held.job.id, "Easel failed inside while it handled this job; its log says why."
            )

    def _wind_down(self) -> None:
        self._supervisor.stop(STOP_SECONDS)
        self._inbox = deque(i for i in self._inbox if not _is_gone(i))  # it was told to go
        self._readings.fail("The studio ends.")
        try:
            self._empty_inbox()  # pictures that came before the end are kept
            self._held.studio_ends()
        except (OperationalError, EaselError):
            _log.exception("The queue could not be put in order; the next start does it.")


def _is_gone(item: _Item) -> bool:
    return isinstance(item, _Said) and isinstance(item.event, WorkerGone)


def _outcome(event: JobEnded) -> tuple[JobState, str | None]:
    try:
        state = JobState(event.state)
    except ValueError:
        state = JobState.FAILED
    if state is JobState.FAILED or not state.is_final:
        return (
            JobState.FAILED,
            event.error or f"The worker ended the job as {event.state!r} and gave no reason.",
        )
    return state, None
