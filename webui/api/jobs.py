"""Orders for pictures: submit, look, list, cancel, follow."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.job_stream import follow_job
from webui.api.sse import EVENT_STREAM, Streams, event_stream
from webui.api.views import JobView, PriorityView, job_view
from webui.contracts.ids import JobId
from webui.contracts.job import JobState
from webui.contracts.request import GenerationRequest
from webui.services.mask_size import check_mask_size

EXAMPLES = {
    "short": {
        "summary": "A prompt is enough",
        "value": {"prompt": "a red house by a lake at sunset"},
    },
    "full": {
        "summary": "Everything said",
        "value": {
            "prompt": "a red house by a lake at sunset", "negative_prompt": "clouds", "seed": 7,
            "steps": 20, "guidance_scale": 5.0, "width": 128, "height": 128,
            "sampler": "Euler a", "schedule": "Karras", "model": "starter/text", "count": 1,
        },
    },
    "image": {
        "summary": "From an uploaded image (its id comes from POST /images)",
        "value": {"prompt": "the same in winter", "image": "0" * 64, "denoising_strength": 0.6},
    },
    "mask": {
        "summary": "A marked part of an uploaded image drawn anew (white in the mask)",
        "value": {"prompt": "a red house", "image": "0" * 64, "mask": "1" * 64},
    },
    "adapters": {
        "summary": "Following edges, in a LoRA's manner (GET /adapters lists both)",
        "value": {
            "prompt": "a red house by a lake",
            "controls": [{"adapter": "starter/controlnet-edges", "image": "0" * 64}],
            "loras": [{"adapter": "starter/loras/sketch", "weight": 0.8}],
        },
    },
    "words": {
        "summary": "Words drawn by each picture's seed (__names__ are wildcards, <lora:name:0.8> a LoRA)",
        "value": {"prompt": "a {red|blue} house by a lake at {2::sunset|night}", "count": 4},
    },
    "upscale": {
        "summary": "An uploaded image four times as large",
        "value": {"prompt": "", "model": "starter/upscale", "image": "0" * 64},
    },
}  # fmt: skip


def jobs_router(context: ApiContext, streams: Streams) -> APIRouter:
    """The routes under /jobs."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])

    @router.post("", status_code=202, responses={422: ANSWERS[422]}, summary="Order pictures")
    def submit(
        request: Annotated[GenerationRequest, Body(openapi_examples=EXAMPLES)],
    ) -> JobView:
        """Record an order and answer at once; the pictures follow.

        The job is on disk before its id is returned: neither a restart nor a lost connection
        loses it.
        """
        check_mask_size(request, context.images)
        return job_view(context.jobs.submit(request))

    @router.get("", responses={422: ANSWERS[422]}, summary="List jobs, newest first")
    def list_jobs(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[float | None, Query(description="Created before this time.")] = None,
        state: Annotated[list[JobState] | None, Query(description="May be repeated.")] = None,
    ) -> list[JobView]:
        """One page of jobs; the last one's `created` is `before` of the next page."""
        return [job_view(job) for job in context.jobs.list(limit, before, state)]

    @router.get("/{job_id}", responses={404: ANSWERS[404]}, summary="See one job")
    def see(job_id: JobId) -> JobView:
        """The job as it is now."""
        return job_view(context.jobs.get(job_id))

    @router.delete("/{job_id}", responses={404: ANSWERS[404]}, summary="Cancel a job")
    def cancel(job_id: JobId) -> JobView:
        """A queued job ends at once, a running one after its present step; a final one stays."""
        return job_view(context.jobs.cancel(job_id))

    @router.put(
        "/{job_id}/priority",
        responses={404: ANSWERS[404], 422: ANSWERS[422]},
        summary="Move a queued job",
    )
    def prioritise(job_id: JobId, given: PriorityView) -> JobView:
        """To another place in the queue; a job that runs or is final stays as it is."""
        return job_view(context.jobs.set_priority(job_id, given.priority))

    @router.get(
        "/{job_id}/events", responses=EVENT_STREAM | {404: ANSWERS[404]}, summary="Follow a job"
    )
    async def follow(job_id: JobId) -> StreamingResponse:
        """Server-sent events `job`, `step` (with previews) and `picture`, until the job is final."""
        await run_in_threadpool(context.jobs.get, job_id)
        return event_stream(follow_job(job_id, context, streams))

    return router
