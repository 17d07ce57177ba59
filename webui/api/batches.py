"""Orders for many images at once, and what becomes of them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import ErrorView, JobView, View, job_view
from webui.contracts.batch import Batch, BatchOrder
from webui.contracts.ids import BatchId
from webui.contracts.prompt_list import PromptList

_NONE: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorView, "description": "None of the images can be used."}
}

_WRONG: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorView, "description": "A line cannot be drawn."}
}


class RefusedView(View):
    """An image of which no job was made."""

    name: str
    reason: str


class BatchView(View):
    """What became of an order."""

    id: str
    jobs: tuple[JobView, ...]
    refused: tuple[RefusedView, ...]


def batches_router(context: ApiContext) -> APIRouter:
    """The routes under /batches."""
    router = APIRouter(prefix="/batches", tags=["jobs"])

    @router.post(
        "", status_code=202, responses={**_NONE, 422: ANSWERS[422]}, summary="Order a batch"
    )
    def submit(order: BatchOrder) -> BatchView:
        """A job for each image, with the same settings; images that cannot be used are named.

        Images are uploaded before (`POST /images`), or lie in a folder below `inputs` in the data
        folder. 200 at most.
        """
        return _view(context.batches.submit(order))

    @router.post(
        "/prompts",
        status_code=202,
        responses={**_WRONG, 422: ANSWERS[422]},
        summary="Order a list of prompts",
    )
    def submit_prompts(order: PromptList) -> BatchView:
        """A job for each line, which says a prompt, or settings as `--prompt a red house --steps 20`.

        Nothing is ordered where a line is wrong; the message names each with its number. 1,000 jobs at most.
        """
        return _view(context.prompt_lists.submit(order))

    @router.get("/{batch_id}", responses={404: ANSWERS[404]}, summary="See a batch")
    def see(batch_id: BatchId) -> list[JobView]:
        """Its jobs, in their order."""
        return [job_view(job) for job in context.batches.get(batch_id)]

    @router.delete("/{batch_id}", responses={404: ANSWERS[404]}, summary="Cancel a batch")
    def cancel(batch_id: BatchId) -> list[JobView]:
        """All of its jobs; those that are final stay."""
        return [job_view(job) for job in context.batches.cancel(batch_id)]

    return router


def _view(batch: Batch) -> BatchView:
    jobs = tuple(job_view(job) for job in batch.jobs)
    refused = tuple(RefusedView(name=one.name, reason=one.reason) for one in batch.refused)
    return BatchView(id=batch.id, jobs=jobs, refused=refused)
