"""One device of the studio: the worker that draws on it, the jobs that it has, and what it says of them.

All of it but `status` and `read_classes` belongs to the dispatcher's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BadRequest, HookFailed, NotFound
from webui.contracts.events import JobStepped
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
from webui.services.supervisor import Supervisor, WorkerStatus
from webui.services.used_files import UsedFiles

STOP_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StationServices:
    """What every station of a studio works with."""

    jobs: JobService
    catalog: Catalog
    images: ImageStore
    gallery: Gallery
    events: EventBus
    extensions: ExtensionService | None
    preferences: Callable[[], Preferences]


class Station:
    """Keeps up to `capacity` jobs in one worker, whose engine runs them in common batches.

    What becomes of them when it dies, `HeldJobs` decides.
    """

    def __init__(
        self,
        services: StationServices,
        supervisor: Supervisor,
        capacity: int,
        clock: Callable[[], float],
    ) -> None:
        self.supervisor = supervisor
        self.held = HeldJobs(services.jobs, services.gallery, capacity)
        self._services = services
        self._clock = clock
        self._readings = ClassReadings()
        self._used = UsedFiles()
        self._model: str | None = None
        self._endless: str | None = None
        self._renewing = False
        self._warms_up = True

    # From other threads

    def status(self) -> WorkerStatus:
        """The worker's state."""
        return self.supervisor.status()

    def begin_reading(self, segmenter: AdapterInfo, image: str) -> tuple[ReadClasses, Waiting]:
        """An order for `read` to pass on, and what its answer comes to."""
        return self._readings.begin(segmenter, image)

    def ask_to_renew(self, *, warm_up: bool) -> None:
        """See `Dispatcher.renew_workers`; it is done in a `turn` to come."""
        self._renewing, self._warms_up = True, warm_up

    # What the dispatcher has it do

    def turn(self) -> None:
        """Start the worker when it is time for one, or anew where that was asked for and nothing is drawn."""
        if self._renewing and not self.held:
            self._renewing = False
            self._model = None
            self.supervisor.renew(STOP_SECONDS)
            self._readings.fail("The engine was started anew; try again in a moment.")
        self.supervisor.start_if_due()

    def takes(self, job: Job) -> bool:
        """Whether the worker may get it now."""
        return self.supervisor.is_ready and not self._renewing and self.held.has_room_for(job)

    def wait_for(self, job: Job) -> tuple[int, bool]:
        """The less, the sooner this worker is likely to have drawn it: by its jobs, then by the model that it drew last."""
        return len(self.held), self._model != job.request.model

    def give(self, job: Job) -> None:
        """Hand a queued job to the worker; one that cannot be drawn fails, one that is complete is done."""
        jobs, gallery = self._services.jobs, self._services.gallery
        try:
            command = order_of(
                job, self._services.catalog, self._services.images, self._services.preferences()
            )
        except (BadRequest, NotFound) as error:
            jobs.finish(job.id, JobState.FAILED, str(error))
            return
        if self.held.is_complete(job):
            jobs.finish(job.id, JobState.DONE)
            return
        running = jobs.mark_running(job.id)
        if running is None:
            return  # cancelled just now
        self.held.add(running)
        self._model = job.request.model
        self._used.note(command.checkpoint, *command.others, *command.adapters)
        self.supervisor.send(replace(command, skip=gallery.delivered(job.id)))

    def read(self, order: ReadClasses) -> None:
        """Have the worker see which classes a picture shows."""
        if self.supervisor.is_ready:
            self.supervisor.send(order)
        else:
            self._readings.fail("The engine is starting; try again in a moment.")

    def cancel(self, command: CancelJob) -> None:
        """Have the worker stop a job, where it has it."""
        if self.held.get(command.job_id) is not None:
            self.supervisor.send(command)

    def give_up_on(self, job_id: JobId | None) -> None:
        """After an error that nobody foresaw: end the job that it was about, so it is not stuck."""
        if job_id is not None and self.held.get(job_id) is not None:
            self._fail(job_id, "Easel failed inside while it handled this job; its log says why.")

    def end(self) -> None:
        """End the worker and start no other."""
        self.supervisor.stop(STOP_SECONDS)
        self._readings.fail("The studio ends.")

    # What the worker says

    def handle(self, event: WorkerEvent) -> None:
        """Bring what the worker says into the record."""
        if isinstance(event, StepDone):
            self._stepped(event)
        elif isinstance(event, PictureReady):
            self._keep(event)
        elif isinstance(event, JobNoted):
            self.held.note(event.job_id, event.text)
        elif isinstance(event, ClassesRead):
            self._readings.answered(event)
        elif isinstance(event, JobEnded):
            self._ended(event)
        elif isinstance(event, WorkerReady):
            self.supervisor.ready(event)
            self._send_extensions()
            self._warm_up()
        elif isinstance(event, (ExtensionFailed, ExtensionCalled)):
            if isinstance(event, ExtensionFailed):
                self._extension_failed(event)
        elif isinstance(event, ModelReady):
            self.supervisor.loaded(event)
        else:
            self._worker_gone(event)

    def _send_extensions(self) -> None:
        """Have the worker load what is in use here; ahead of any job, which may name one."""
        if self._services.extensions is not None:
            self.supervisor.send(self._services.extensions.worker_command())

    def _warm_up(self) -> None:
        """Load the likely model ahead, unless a job is about to say which."""
        warms_up, self._warms_up = self._warms_up, True
        if not warms_up:
            return
        checkpoint = self._services.catalog.default()
        if checkpoint is not None and self._services.jobs.next_queued() is None:
            self._model = checkpoint.id
            self._used.note(checkpoint)
            self.supervisor.send(WarmUp(checkpoint))

    def _stepped(self, event: StepDone) -> None:
        held = self.held.get(event.job_id)
        if held is None:
            return
        self._services.jobs.mark_step(event.job_id, event.step, event.steps)
        left = held.pace.note(event.step, event.steps, self._clock())
        self._services.events.publish(
            JobStepped(event.job_id, event.step, event.steps, left, event.preview, event.index)
        )

    def _keep(self, event: PictureReady) -> None:
        held = self.held.get(event.job_id)
        if held is None:
            return
        try:
            self._services.gallery.save(held.job, event)
        except (OSError, HookFailed, ValueError) as error:
            _log.exception("Picture %d of job %s could not be stored.", event.index, event.job_id)
            self._fail(event.job_id, f"The picture was drawn, but could not be stored: {error}")

    def _ended(self, event: JobEnded) -> None:
        held = self.held.get(event.job_id)
        if held is None:
            return
        state, error = _outcome(event)
        if state is JobState.DONE:
            stored, wanted = (
                len(self._services.gallery.delivered(event.job_id)),
                held.job.request.count,
            )
            if stored < wanted:
                state, error = (
                    JobState.FAILED,
                    f"The worker ended the job after {stored} of {wanted} pictures.",
                )
            self.supervisor.proved()
        self._services.jobs.finish(event.job_id, state, error)
        self.held.drop(event.job_id)

    def _extension_failed(self, event: ExtensionFailed) -> None:
        if event.kind == "endless":
            self._endless = event.message
        if self._services.extensions is not None:
            self._services.extensions.worker_failed(event)

    def _worker_gone(self, event: WorkerGone) -> None:
        why, endless = self._used.why(event), self._endless
        reason, self._endless, self._model = endless or why, None, None
        self.held.worker_died(reason, blame=endless is None)
        self._readings.fail(f"The engine ended while it read the picture. {reason}")
        self.supervisor.ended(reason)

    def _fail(self, job_id: JobId, error: str) -> None:
        self._services.jobs.finish(job_id, JobState.FAILED, error)
        self.held.drop(job_id)
        self.supervisor.send(CancelJob(job_id))


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
