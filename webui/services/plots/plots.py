"""X/Y/Z plots: how much one is, and ordering it as one batch of jobs."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Callable, Sequence

from webui.contracts.errors import BadRequest, NotFound
from webui.contracts.ids import BatchId, new_batch_id
from webui.contracts.job import Job, JobState
from webui.contracts.plot import OrderedPlot, Plot, PlotAxis, PlotSize
from webui.contracts.request import GenerationRequest
from webui.services.jobs import JobService
from webui.services.plots.axes import AxisTable
from webui.services.plots.grid import MAX_PIXELS, MAX_SIDE, GridLook
from webui.services.plots.layout import Layout, lay_out
from webui.services.plots.records import PlotRecord, PlotRecords

REMEMBERED = 100
"""Jobs of before that an estimate of time looks at."""


class PlotService:
    """Lists axes, measures plots and orders them."""

    def __init__(
        self,
        jobs: JobService,
        axes: AxisTable,
        records: PlotRecords,
        draw: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        self._jobs = jobs
        self._axes = axes
        self._records = records
        self._draw = draw

    def axes(self) -> tuple[PlotAxis, ...]:
        """What can be varied now."""
        return self._axes.all()

    def measure(self, request: GenerationRequest) -> PlotSize:
        """How much a plot would be; nothing is ordered.

        Raises:
            BadRequest: it cannot be drawn; the message says why.
            HookFailed: an extension failed.
            NotFound: an image is unknown.
        """
        layout, plot = self._layout(request)
        return self._size(layout, plot, [self._jobs.check(cell) for cell in layout.cells])

    def submit(self, request: GenerationRequest) -> OrderedPlot:
        """Queue all pictures of a plot, or none.

        Raises:
            BadRequest: it cannot be drawn; the message says why.
            HookFailed: an extension failed.
            NotFound: an image is unknown.
        """
        batch = BatchId(request.batch) if request.batch else new_batch_id()
        layout, plot = self._layout(request.model_copy(update={"batch": batch}))
        checked = [self._jobs.check(cell) for cell in layout.cells]
        size = self._size(layout, plot, checked)
        base = layout.base.model_copy(update={"plot": plot})
        self._records.add(PlotRecord(batch, base, layout.labels, layout.turns))
        in_turn = [checked[place] for place in layout.turns]
        return OrderedPlot(batch, self._queue_all(in_turn, batch), size)

    def grid(self, batch: BatchId) -> Job | None:
        """The job that a plot's grid is of; None where it is not there yet, or never will be.

        Raises:
            NotFound: no such plot.
        """
        record = self._records.get(batch)
        if record is None:
            raise NotFound("plot", batch)
        return None if record.grid is None else self._jobs.get(record.grid)

    def is_ended(self, batch: BatchId) -> bool:
        """Whether a plot's grid is there, or will never be; also of a batch that is no plot."""
        record = self._records.get(batch)
        return record is None or record.ended

    def _queue_all(self, checked: Sequence[Job], batch: BatchId) -> tuple[Job, ...]:
        queued: list[Job] = []
        try:
            for job in checked:
                queued.append(self._jobs.queue(job))
        except Exception:
            self._records.end(batch, None)
            for job in reversed(queued):
                self._jobs.cancel(job.id)
            raise
        return tuple(queued)

    def _layout(self, request: GenerationRequest) -> tuple[Layout, Plot]:
        plot = request.plot
        if plot is None:
            raise BadRequest("The request has no plot; one with an axis was expected in `plot`.")
        return lay_out(request, plot, self._axes.find, self._draw), plot

    def _size(self, layout: Layout, plot: Plot, jobs: Sequence[Job]) -> PlotSize:
        sizes = [_final_size(job.request) for job in jobs]
        cell = max(width for width, _ in sizes), max(height for _, height in sizes)
        width, height = GridLook(cell, plot.margin, plot.legend).whole(layout.labels)
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            raise BadRequest(
                f"The grid would have {width} x {height} pixels; at most {MAX_SIDE} a side and {MAX_PIXELS} in all "
                "were expected. Take fewer values or smaller pictures."
            )
        columns, rows, sheets = map(len, layout.labels)
        steps = sum(job.steps for job in jobs)
        return PlotSize(columns, rows, sheets, steps, width, height, self._seconds(jobs))

    def _seconds(self, jobs: Sequence[Job]) -> float | None:
        """By the pace of what was drawn before with the same models: seconds a step and a pixel."""
        paces: dict[str, list[float]] = {}
        for job in self._jobs.list(limit=REMEMBERED, states=[JobState.DONE]):
            if job.started and job.finished and job.steps and job.request.plot is None:
                work = job.steps * _pixels(job)
                paces.setdefault(job.request.model, []).append((job.finished - job.started) / work)
        if any(job.request.model not in paces for job in jobs):
            return None
        known = {model: statistics.median(measured) for model, measured in paces.items()}
        return sum(known[job.request.model] * job.steps * _pixels(job) for job in jobs)


def _pixels(job: Job) -> int:
    return (job.request.width or 1) * (job.request.height or 1)


def _final_size(request: GenerationRequest) -> tuple[int, int]:
    width, height = request.width or 1, request.height or 1
    return request.hires_size(width, height) if request.has_hires else (width, height)
