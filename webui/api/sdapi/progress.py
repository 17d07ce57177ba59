"""How far a client's request is, and ending it; other people's work is neither told nor touched."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from webui.api.sdapi.options import client_of
from webui.api.sdapi.pictures import encoded
from webui.api.sdapi.route import SdapiRoute
from webui.api.sdapi.runs import Run, Runs
from webui.contracts.job import Job
from webui.contracts.preview import Preview


class ProgressAnswer(BaseModel):
    """Nothing goes on: progress 0 and an empty state."""

    progress: float = Field(description="0 to 1.")
    eta_relative: float = Field(description="Seconds left.")
    state: dict[str, Any]
    current_image: str | None = Field(description="A small PNG in base64.")
    textinfo: str | None


def progress_router(runs: Runs) -> APIRouter:
    """The routes /progress, /interrupt and /skip."""
    router = APIRouter(route_class=SdapiRoute)

    @router.get("/progress", summary="See how far your request is")
    def progress(
        request: Request, skip_current_image: bool = False, id_task: str = ""
    ) -> ProgressAnswer:
        """Of your latest request, or of that which you gave this `force_task_id`."""
        run = runs.newest(client_of(request), id_task)
        if run is None:
            return ProgressAnswer(
                progress=0,
                eta_relative=0,
                state=_state(None, ()),
                current_image=None,
                textinfo=None,
            )
        jobs = runs.jobs_of(run)
        steps = sum(job.steps for job in jobs) or 1
        return ProgressAnswer(
            progress=1.0 if run.ended else min(1.0, sum(job.step for job in jobs) / steps),
            eta_relative=0.0 if run.ended else run.seconds_left or 0.0,
            state=_state(run, jobs),
            current_image=None if skip_current_image or run.preview is None else _png(run.preview),
            textinfo=_place(jobs),
        )

    @router.post("/interrupt", summary="End your request")
    async def interrupt(request: Request) -> dict[str, Any]:
        """What is drawn of it by then is its answer."""
        await run_in_threadpool(runs.interrupt, client_of(request))
        return {}

    @router.post("/skip", summary="Leave out the round that is drawn now")
    async def skip(request: Request) -> None:
        """The rounds (`n_iter`) behind it are drawn."""
        await run_in_threadpool(runs.skip, client_of(request))

    return router


def _state(run: Run | None, jobs: Sequence[Job]) -> dict[str, Any]:
    going = [job for job in jobs if not job.state.is_final]
    now = going[0] if going else None
    pictures = now.request.count if now else 1
    steps = now.steps // pictures if now else 0
    begun = jobs[0].created if jobs else 0.0
    return {
        "skipped": bool(run and run.skipped), "interrupted": bool(run and run.interrupted),
        "stopping_generation": False, "job": now.id if now else "", "job_count": len(jobs),
        "job_timestamp": time.strftime("%Y%m%d%H%M%S", time.localtime(begun)),
        "job_no": len(jobs) - len(going),
        "sampling_step": now.step % steps if now and steps else 0, "sampling_steps": steps,
    }  # fmt: skip


def _place(jobs: Sequence[Job]) -> str | None:
    """Where the first job is in the queue, while it waits."""
    place = next((job.place for job in jobs if job.place is not None), None)
    running = any(job.state.value == "running" for job in jobs)
    return None if place is None or running else f"In queue: {place} before this one"


def _png(preview: Preview) -> str:
    """As a PNG, which every client can show."""
    out = io.BytesIO()
    preview.image().save(out, "PNG", compress_level=1)
    return encoded(out.getvalue())
