"""The queue as a whole: how long it is, and whether it is paused."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.health import queue_counts
from webui.api.views import View


class QueueView(View):
    """How many jobs wait and run."""

    queued: int
    running: int
    paused: bool = Field(description="Whether those that wait are held back.")


class Pause(BaseModel):
    """What to do with those that wait."""

    model_config = ConfigDict(extra="forbid")

    paused: bool = Field(description="True holds them back, false lets them go.")


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

    return router
