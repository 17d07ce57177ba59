"""What clients of /sdapi/v1 wait for: their requests while they are drawn, and how far they are."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from webui.api.context import ApiContext
from webui.api.sdapi.options import Client
from webui.api.sse import HEARTBEAT_SECONDS, Mailbox, Streams
from webui.contracts.events import JobChanged, JobStepped
from webui.contracts.ids import JobId
from webui.contracts.job import Job
from webui.contracts.preview import Preview
from webui.contracts.prompt_list import PromptList
from webui.contracts.request import GenerationRequest

MAX_ENDED = 200
"""Requests that are remembered after they ended, for clients that ask for their progress then."""


@dataclass
class Run:
    """One request: its jobs, in order, and what was last heard of them."""

    client: Client
    task: str
    """What the client calls it; '' where it did not say."""
    jobs: list[JobId] = field(default_factory=list)
    preview: Preview | None = None
    seconds_left: float | None = None
    interrupted: bool = False
    skipped: bool = False
    ended: bool = False


class Runs:
    """All requests that are going on, and the last that were."""

    def __init__(self, context: ApiContext, streams: Streams) -> None:
        self._context = context
        self._streams = streams
        self._lock = threading.Lock()
        self._known: deque[Run] = deque()

    def newest(self, client: Client, task: str = "") -> Run | None:
        """A client's latest request that goes on, or that of a task."""
        with self._lock:
            known = [run for run in self._known if run.client == client]
        fitting = [run for run in known if (run.task == task if task else not run.ended)]
        return fitting[-1] if fitting else None

    def jobs_of(self, run: Run) -> tuple[Job, ...]:
        """Its jobs as they are now."""
        return tuple(self._context.jobs.get(job) for job in tuple(run.jobs))

    async def draw(
        self, client: Client, task: str, wanted: GenerationRequest | PromptList, rounds: int
    ) -> tuple[Job, ...]:
        """Order a request so many times, or a list once, and wait until all of it is final.

        Whoever stops waiting cancels nothing: the pictures are drawn and kept.

        Raises:
            BadRequest: it cannot be drawn. Nothing was ordered.
            HTTPException: 503, the studio is stopped; what was ordered goes on at its next start.
        """
        run = Run(client, task)
        async with self._known_while(run):
            await run_in_threadpool(self._order, run, wanted, rounds)
            while True:
                ended = await self._listen(run)
                if ended is not None:
                    return ended

    async def _listen(self, run: Run) -> tuple[Job, ...] | None:
        """Its jobs once they are final; None where what happened came faster than it was read."""
        with self._streams.mailbox(lambda event: _concerns(event, run)) as mailbox:
            if _is_closed(mailbox):
                raise HTTPException(
                    503,
                    f"The studio is being stopped. What you ordered goes on at its next start: {run.jobs}.",
                )
            jobs = {job.id: job for job in await run_in_threadpool(self.jobs_of, run)}
            while not mailbox.closed:
                if all(job.state.is_final for job in jobs.values()):
                    return tuple(jobs.values())
                for event in await mailbox.take(HEARTBEAT_SECONDS):
                    if isinstance(event, JobChanged):
                        jobs[event.job.id] = event.job
                    elif isinstance(event, JobStepped):
                        run.preview = event.preview or run.preview
                        run.seconds_left = event.seconds_left
        return None

    def interrupt(self, client: Client) -> None:
        """Cancel all that is left of a client's latest request."""
        run = self.newest(client)
        if run is None:
            return
        run.interrupted = True
        for job in tuple(run.jobs):
            self._context.jobs.cancel(job)

    def skip(self, client: Client) -> None:
        """Cancel the round that is drawn now; those behind it are drawn all the same."""
        run = self.newest(client)
        going = [] if run is None else [j for j in self.jobs_of(run) if not j.state.is_final]
        if run is not None and going:
            run.skipped = True
            self._context.jobs.cancel(going[0].id)

    def _order(self, run: Run, wanted: GenerationRequest | PromptList, rounds: int) -> None:
        """A job a round, seeds going on from one to the next; or all jobs of a plot or a list."""
        if isinstance(wanted, PromptList):
            run.jobs += [job.id for job in self._context.prompt_lists.submit(wanted).jobs]
            return
        if wanted.plot is not None:
            run.jobs += [job.id for job in self._context.plots.submit(wanted).jobs]
            return
        first = self._context.jobs.submit(wanted)
        run.jobs.append(first.id)
        for place in range(1, rounds):
            seed, variation = first.request.seeds_of(place * first.request.count)
            following = wanted.model_copy(update={"seed": seed, "variation_seed": variation})
            try:
                run.jobs.append(self._context.jobs.submit(following).id)
            except Exception:
                for job in run.jobs:
                    self._context.jobs.cancel(job)
                raise

    @asynccontextmanager
    async def _known_while(self, run: Run) -> AsyncIterator[None]:
        with self._lock:
            self._known.append(run)
            while len(self._known) > MAX_ENDED and self._known[0].ended:
                self._known.popleft()
        try:
            yield
        finally:
            run.ended = True


def _is_closed(mailbox: Mailbox) -> bool:
    """Whether it hears nothing from the beginning: the studio is stopped."""
    return mailbox.closed


def _concerns(event: object, run: Run) -> bool:
    if isinstance(event, JobChanged):
        return event.job.id in run.jobs
    return isinstance(event, JobStepped) and event.job_id in run.jobs
