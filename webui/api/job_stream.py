"""What a client hears of one job: its snapshot first, then each step, picture and change."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from webui.api.context import ApiContext
from webui.api.sse import HEARTBEAT_SECONDS, Streams, heartbeat, message
from webui.api.views import job_view, picture_view
from webui.contracts.events import Event, JobChanged, JobStepped, PictureSaved
from webui.contracts.ids import JobId
from webui.contracts.job import Job, JobState
from webui.contracts.preview import Preview


async def follow_job(job_id: JobId, context: ApiContext, streams: Streams) -> AsyncIterator[str]:
    """Messages until the job is final, starting with how it is now; the job must exist."""
    with streams.mailbox(lambda event: _concerns(event, job_id)) as mailbox:
        job = await run_in_threadpool(context.jobs.get, job_id)
        yield _snapshot(job)
        while not (job.state.is_final or mailbox.closed):
            events = await mailbox.take(HEARTBEAT_SECONDS)
            if not events:
                yield heartbeat()
            for event in events:
                if _is_own(event, job_id):
                    yield await _tell(event)
                if isinstance(event, JobChanged) and event.job.id == job_id:
                    job = event.job
            if job.state is JobState.QUEUED and any(_may_move(event, job) for event in events):
                moved = await run_in_threadpool(context.jobs.get, job_id)
                if moved != job:
                    job = moved
                    yield _snapshot(job)


def _concerns(event: Event, job_id: JobId) -> bool:
    """Own events, and those of other jobs that may change a place in the queue."""
    return _is_own(event, job_id) or isinstance(event, JobChanged)


def _may_move(event: Event, job: Job) -> bool:
    """Whether another job's event may change this one's place: one of its priority queues behind it."""
    if not isinstance(event, JobChanged) or event.job.id == job.id:
        return False
    other = event.job
    return other.state is not JobState.QUEUED or other.request.priority != job.request.priority


def _is_own(event: Event, job_id: JobId) -> bool:
    if isinstance(event, JobChanged):
        return event.job.id == job_id
    if isinstance(event, JobStepped):
        return event.job_id == job_id
    return isinstance(event, PictureSaved) and event.picture.job_id == job_id


async def _tell(event: Event) -> str:
    if isinstance(event, JobChanged):
        return _snapshot(event.job)
    if isinstance(event, PictureSaved):
        return message("picture", picture_view(event.picture).model_dump_json())
    assert isinstance(event, JobStepped)
    return message(
        "step",
        {
            "step": event.step,
            "steps": event.steps,
            "seconds_left": event.seconds_left,
            "preview": None if event.preview is None else await _shown(event.preview),
            "index": event.index,
        },
    )


async def _shown(preview: Preview) -> str:
    """As an address of data; encoded here, beside the loop, for only who reads a stream looks at it."""
    webp = await run_in_threadpool(lambda: preview.webp)
    return "data:image/webp;base64," + base64.b64encode(webp).decode("ascii")


def _snapshot(job: Job) -> str:
    return message("job", job_view(job).model_dump_json())
