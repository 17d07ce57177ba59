"""The queue as a whole: how long it is, and whether it is paused."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from webui.api.batches import RefusedView
from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.health import queue_counts
from webui.api.views import ErrorView, View


class QueueView(View):
    """How many jobs wait and run."""

    queued: int
    running: int
    paused: bool = Field(description="Whether those that wait are held back.")


class Pause(BaseModel):
    """What to do with those that wait."""

    model_config = ConfigDict(extra="forbid")

    paused: bool = Field(description="True holds them back, false lets them go.")


class TakenInView(View):
    """What became of a file of jobs."""

    jobs: tuple[str, ...] = Field(description="Ids of those that are queued now.")
    refused: tuple[RefusedView, ...]


_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
_NO_FILE: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorView, "description": "It is no saved queue, or nothing in it can be drawn."}
}


def queue_router(context: ApiContext) -> APIRouter:
    """The routes under /queue."""
    router = APIRouter(prefix="/queue", tags=["jobs"])

    @router.get("", summary="See how long the queue is")
    def see() -> QueueView:
        """Jobs that wait and run, of everybody."""
        return QueueView(**queue_counts(context))

    @router.put("", responses={422: ANSWERS[422]}, summary="Pause the queue, or let it go on")
    def pause(given: Pause) -> QueueView:
        """What runs already runs on; orders are taken as ever, and a restart changes nothing of it."""
        context.gate.pause(given.paused)
        return QueueView(**queue_counts(context))

    _add_file(router, context)
    return router


def _add_file(router: APIRouter, context: ApiContext) -> None:

    @router.get("/file", response_class=Response, summary="Save the jobs that wait")
    def save() -> Response:
        """JSON: their requests in the order of the queue, with the pictures that they name."""
        named = f'attachment; filename="easel-queue-{time.strftime("%Y-%m-%d-%H%M%S")}.json"'
        headers = {"content-disposition": named, "cache-control": "no-store"}
        return Response(context.queue_file.write(), media_type="application/json", headers=headers)

    @router.post(
        "/file",
        status_code=202,
        openapi_extra=_FILE,
        responses=_NO_FILE,
        summary="Take saved jobs in",
    )
    async def take_in(request: Request) -> TakenInView:
        """Behind what waits already; jobs that cannot be drawn here are named with the reason."""
        data = await request.body()
        taken = await run_in_threadpool(context.queue_file.take_in, data)
        refused = tuple(RefusedView(name=one.name, reason=one.reason) for one in taken.refused)
        return TakenInView(jobs=tuple(job.id for job in taken.jobs), refused=refused)
