"""The queue and the history: every job is a row, written before its id is given out."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from sqlalchemy import Engine, select

from webui.contracts.errors import BadRequest, NotFound, UnknownAdapter, UnknownModel
from webui.contracts.events import JobChanged
from webui.contracts.ids import BatchId, JobId, new_job_id
from webui.contracts.job import Job, JobState
from webui.contracts.parameters.turns import PRIORITIES
from webui.contracts.request import GenerationRequest, parse_request
from webui.contracts.steps import steps_of
from webui.services import job_records as records
from webui.services.catalog import Catalog
from webui.services.database import reading, writing
from webui.services.events import EventBus
from webui.services.images import ImageStore
from webui.services.resolve import resolve
from webui.services.tables import JOBS
from webui.services.wording import NO_SOURCES, WordSources

MAX_STARTS = 5
"""A job that was running whenever the studio itself was killed, so often, is given up."""
_OPEN = (JobState.QUEUED, JobState.RUNNING)


class JobService:
    """Submit, look at and cancel jobs; the second half is the dispatcher's side."""

    def __init__(
        self,
        database: Engine,
        catalog: Catalog,
        images: ImageStore,
        events: EventBus,
        clock: Callable[[], float] = time.time,
        sources: WordSources = NO_SOURCES,
    ) -> None:
        self.on_cancel: Callable[[JobId], None] = lambda _job_id: None
        """Told of each running job that shall end; the dispatcher sets it."""
        self._database = database
        self._catalog = catalog
        self._images = images
        self._events = events
        self._sources = sources
        self._clock = clock
        # Held over a change and its announcement, so that announcements come in the right order.
        self._lock = threading.RLock()
        self._steps: dict[JobId, tuple[int, int]] = {}

    def submit(self, request: GenerationRequest) -> Job:
        """Queue a request; when this returns it is in the record, with all that it left open.

        Raises:
            BadRequest: it cannot be drawn; the message says why. Nothing was stored.
            HookFailed: an extension that it names failed; nothing was stored.
            NotFound: its image is unknown.
        """
        return self.queue(self.check(request))

    def queue(self, job: Job) -> Job:
        """Queue what `check` gave; when this returns it is in the record."""
        return self.queue_all([job])[0]

    def queue_all(self, jobs: Iterable[Job]) -> tuple[Job, ...]:
        """Queue what `check` gave, in this order: all of it or, where the record takes it not, nothing."""
        with self._lock:
            with writing(self._database) as connection:
                stored = tuple(
                    records.insert_job(connection, replace(job, created=self._clock()))
                    for job in jobs
                )
            for job in stored:
                self._events.publish(JobChanged(job))
        return stored

    def check(self, request: GenerationRequest) -> Job:
        """The job that `submit` would queue; nothing is stored.

        Where a model or an adapter is not known the folders are looked at again, as it may have come just now.

        Raises:
            BadRequest, HookFailed, NotFound: as `submit` does.
        """
        if request.plot is not None:
            raise BadRequest(
                "A request with a plot is many pictures; it is ordered at /api/v1/plots, or without `plot` here."
            )
        request = self._sources.hooks.change_request(request)
        try:
            resolved = self._resolved(request)
        except (UnknownModel, UnknownAdapter):
            self._catalog.refresh()
            resolved = self._resolved(request)
        steps = steps_of(resolved, self._catalog.get(resolved.model)) * resolved.count
        return Job(
            id=new_job_id(), request=resolved, state=JobState.QUEUED, step=0, steps=steps,
            error=None, attempts=0, created=self._clock(), started=None, finished=None,
        )  # fmt: skip

    def _resolved(self, request: GenerationRequest) -> GenerationRequest:
        return resolve(request, self._catalog, self._images, secrets.randbelow, self._sources)

    def add_done(self, job: Job) -> Job:
        """Record what was made without a worker, such as a plot's grid; `announce` tells of it."""
        with writing(self._database) as connection:
            return records.insert_job(connection, job)

    def announce(self, job_id: JobId) -> None:
        """Tell of a job that `add_done` recorded, now that its pictures are there."""
        with self._lock:
            self._events.publish(JobChanged(self.get(job_id)))

    def fail_done(self, job_id: JobId, error: str) -> None:
        """Mark a job that `add_done` recorded as failed."""
        self._change(job_id, [JobState.DONE], state=JobState.FAILED.value, error=error)

    def get(self, job_id: JobId) -> Job:
        """The job as it is now.

        Raises:
            NotFound: no such job.
        """
        with reading(self._database) as connection:
            job = records.select_job(connection, job_id)
        if job is None:
            raise NotFound("job", job_id)
        return self._with_steps(job)

    def list(
        self,
        limit: int = 50,
        before: float | None = None,
        states: Collection[JobState] | None = None,
    ) -> tuple[Job, ...]:
        """Jobs, newest first; `before` is the `created` of the last one of the page before."""
        with reading(self._database) as connection:
            jobs = records.select_jobs(connection, limit, before, states)
        return tuple(self._with_steps(job) for job in jobs)

    def of_batch(self, batch: BatchId) -> tuple[Job, ...]:
        """Jobs that were ordered together, in their order.

        Raises:
            NotFound: there are none.
        """
        with reading(self._database) as connection:
            jobs = records.select_batch(connection, batch)
        if not jobs:
            raise NotFound("batch", batch)
        return tuple(self._with_steps(job) for job in jobs)

    def waiting(self) -> tuple[Job, ...]:
        """The queued jobs, the next one first."""
        with reading(self._database) as connection:
            return records.select_waiting(connection)

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state; every state is there."""
        with reading(self._database) as connection:
            return records.count_states(connection)

    def cancel(self, job_id: JobId) -> Job:
        """End a job: at once when queued, after its present step when running, not when final.

        Raises:
            NotFound: no such job.
        """
        with self._lock:
            with writing(self._database) as connection:
                ended = records.update_job(
                    connection, job_id, [JobState.QUEUED],
                    state=JobState.CANCELLED.value, finished=self._clock(), cancel_requested=True,
                )  # fmt: skip
                running = not ended and records.update_job(
                    connection, job_id, [JobState.RUNNING], cancel_requested=True
                )
            job = self.get(job_id)
            if ended:
                self._events.publish(JobChanged(job))
        if running:
            self.on_cancel(job_id)
        return job

    def set_priority(self, job_id: JobId, priority: str) -> Job:
        """Give a queued job another place in the queue; one that runs or is final stays as it is.

        Raises:
            NotFound: no such job.
            InvalidField: there is no such priority.
        """
        with self._lock:
            request = self.get(job_id).request
            changed = parse_request({**request.model_dump(mode="json"), "priority": priority})
            moved = self._change(
                job_id, [JobState.QUEUED],
                request=changed.model_dump_json(), rank=PRIORITIES[changed.priority].rank,
            )  # fmt: skip
        return moved or self.get(job_id)

    # The dispatcher's side

    def next_queued(self, excluding: Collection[JobId] = ()) -> Job | None:
        """The job to run next."""
        with reading(self._database) as connection:
            return records.select_next(connection, excluding)

    def deaths(self, job_id: JobId) -> int:
        """How often a worker ended while it held the job."""
        with reading(self._database) as connection:
            return connection.scalar(select(JOBS.c.deaths).where(JOBS.c.id == job_id)) or 0

    def mark_running(self, job_id: JobId) -> Job | None:
        """Note that a worker gets the job; None when it is no longer queued."""
        return self._change(
            job_id, [JobState.QUEUED],
            state=JobState.RUNNING.value, attempts=JOBS.c.attempts + 1, started=self._clock(),
        )  # fmt: skip

    def mark_step(self, job_id: JobId, step: int, steps: int) -> None:
        """Note a running job's progress: in memory, a step is not worth a write."""
        self._steps[job_id] = (step, steps)

    def note(self, job_id: JobId, text: str) -> None:
        """Keep a sentence that the person should read; the job goes on."""
        self._change(job_id, _OPEN, note=text)

    def finish(self, job_id: JobId, state: JobState, error: str | None = None) -> Job:
        """End a job; one that has already ended stays as it is.

        Raises:
            NotFound: no such job.
        """
        job = self.get(job_id)
        step = job.steps if state is JobState.DONE else job.step
        changed = self._change(
            job_id, _OPEN,
            state=state.value, error=error, finished=self._clock(), step=step, steps=job.steps,
        )  # fmt: skip
        self._steps.pop(job_id, None)
        return changed or self.get(job_id)

    def requeue(self, job_id: JobId, *, blame: bool = True) -> Job:
        """Put a running job back, at its old place; cancelled instead when that was asked for.

        Args:
            job_id: The job.
            blame: Whether the worker died with it; else the attempt does not count.
        """
        counted = {"deaths": JOBS.c.deaths + 1} if blame else {"attempts": JOBS.c.attempts - 1}
        return self._put_back(job_id, **counted)

    def recover(self) -> tuple[Job, ...]:
        """At start-up: put back what was running when the studio ended; gives those jobs."""
        left = self.list(limit=1_000_000, states=[JobState.RUNNING])
        return tuple(self._recover_one(job) for job in reversed(left))

    def _recover_one(self, job: Job) -> Job:
        if job.attempts < MAX_STARTS:
            # Not blamed on the job as a worker's death is: the studio was killed, or the machine.
            return self._put_back(job.id)
        reason = f"Easel was ended from outside {job.attempts} times while it ran this job, so it was given up."
        return self.finish(job.id, JobState.FAILED, reason)

    def _put_back(self, job_id: JobId, **counted: object) -> Job:
        with reading(self._database) as connection:
            wanted = select(JOBS.c.cancel_requested).where(JOBS.c.id == job_id)
            cancelled = bool(connection.scalar(wanted))
        if cancelled:
            return self.finish(job_id, JobState.CANCELLED)
        self._steps.pop(job_id, None)
        changed = self._change(
            job_id, [JobState.RUNNING], state=JobState.QUEUED.value, started=None, **counted
        )
        return changed or self.get(job_id)

    def _change(self, job_id: JobId, states: Collection[JobState], **values: object) -> Job | None:
        """Change the row and announce it; None when the job was in none of the states."""
        with self._lock:
            with writing(self._database) as connection:
                if not records.update_job(connection, job_id, states, **values):
                    return None
            job = self.get(job_id)
            self._events.publish(JobChanged(job))
        return job

    def _with_steps(self, job: Job) -> Job:
        if job.state is not JobState.RUNNING or job.id not in self._steps:
            return job
        step, steps = self._steps[job.id]
        return replace(job, step=step, steps=steps)
