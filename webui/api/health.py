"""Whether the studio works."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from webui import VERSION
from webui.api.context import ApiContext
from webui.api.views import HealthView, WorkerView, shown
from webui.contracts.job import JobState


def health_router(context: ApiContext) -> APIRouter:
    """The route /health."""
    router = APIRouter(tags=["studio"])

    @router.get("/health", summary="See whether the studio works")
    def health() -> HealthView:
        """The queue's length and how the workers are, each and as one; `status` is 'ok' whenever this answers."""
        worker = shown(WorkerView, context.dispatcher.status())
        workers = [shown(WorkerView, each) for each in context.dispatcher.statuses()]
        return HealthView(
            status="ok", version=VERSION, worker=worker, workers=workers, **queue_counts(context)
        )

    return router


def queue_counts(context: ApiContext) -> dict[str, Any]:
    """How many jobs wait and how many run, and whether those that wait are held back."""
    counts, paused = context.jobs.counts(), context.gate.is_paused
    return {
        "queued": counts[JobState.QUEUED],
        "running": counts[JobState.RUNNING],
        "paused": paused,
    }
