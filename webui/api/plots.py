"""X/Y/Z plots: what can be varied, how much one is, and ordering it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import ErrorView, JobView, View, job_view, shown
from webui.contracts.ids import BatchId
from webui.contracts.plot import PlotSize
from webui.contracts.request import GenerationRequest
from webui.services.mask_size import check_mask_size

_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorView, "description": "It cannot be drawn; says why."},
    422: ANSWERS[422],
}


class AxisView(View):
    """Something that an axis can vary."""

    name: str
    title: str
    kind: str
    """'whole', 'number' or 'text'."""
    choices: tuple[str, ...]


class PlotSizeView(View):
    """How much a plot is."""

    pictures: int
    columns: int
    rows: int
    sheets: int
    steps: int
    width: int
    height: int
    seconds: float | None
    """About, from jobs of before; null where there are none of these models."""


class OrderedPlotView(View):
    """What became of an order."""

    id: str
    """Of its batch: see and cancel it below /batches."""
    jobs: tuple[JobView, ...]
    size: PlotSizeView


class PlotView(View):
    """How far a plot's grid is."""

    ended: bool
    grid: JobView | None
    """A job that is done and has the grid as its picture; null before, and where nothing was drawn."""


def plots_router(context: ApiContext) -> APIRouter:
    """The routes under /plots."""
    router = APIRouter(prefix="/plots", tags=["jobs"])

    @router.get("/axes", summary="List the axes")
    def axes() -> list[AxisView]:
        """Settings, arguments of extensions in use, and what these add."""
        return [
            AxisView(name=axis.name, title=axis.title, kind=axis.kind, choices=axis.choices)
            for axis in context.plots.axes()
        ]

    @router.post("/size", responses=_REFUSED, summary="Measure a plot")
    def size(request: GenerationRequest) -> PlotSizeView:
        """How many pictures and steps it is, and about how long it takes; nothing is ordered."""
        return _size(context.plots.measure(request))

    @router.post("", status_code=202, responses=_REFUSED, summary="Order a plot")
    def submit(request: GenerationRequest) -> OrderedPlotView:
        """A job for each picture, in one batch, and its grid when the last is final. All are queued, or none."""
        check_mask_size(request, context.images)
        made = context.plots.submit(request)
        jobs = tuple(job_view(job) for job in made.jobs)
        return OrderedPlotView(id=made.batch, jobs=jobs, size=_size(made.size))

    @router.get("/{batch_id}", responses={404: ANSWERS[404]}, summary="See a plot's grid")
    def see(batch_id: BatchId) -> PlotView:
        """The grid is there once all of its pictures are final; of a cancelled plot, with what was drawn."""
        ended = context.plots.is_ended(batch_id)  # asked first: it may end between the two
        grid = context.plots.grid(batch_id)
        return PlotView(ended=ended, grid=None if grid is None else job_view(grid))

    return router


def _size(size: PlotSize) -> PlotSizeView:
    return shown(PlotSizeView, size)
