"""Puts a plot's grid together when the last of its pictures is final, in a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence

from PIL import Image

from webui.contracts.events import Event, JobChanged
from webui.contracts.ids import BatchId, new_job_id
from webui.contracts.job import Job, JobState
from webui.contracts.messages import PictureReady
from webui.contracts.plot import Plot
from webui.services.gallery import Gallery
from webui.services.jobs import JobService
from webui.services.plots.grid import GridLook, draw_sheets, side_by_side
from webui.services.plots.records import PlotRecord, PlotRecords

_log = logging.getLogger(__name__)


class PlotFinisher:
    """Hears of jobs, and makes grids of what was drawn; of a cancelled plot, of what there is."""

    def __init__(self, records: PlotRecords, jobs: JobService, gallery: Gallery) -> None:
        self._records = records
        self._jobs = jobs
        self._gallery = gallery
        self._waiting: queue.Queue[BatchId | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def hear(self, event: Event) -> None:
        """A listener for the event bus."""
        if isinstance(event, JobChanged) and event.job.state.is_final:
            request = event.job.request
            if request.batch and request.plot is None:
                self._waiting.put(BatchId(request.batch))

    def start(self) -> None:
        """Begin, with those that ended while no studio ran."""
        for batch in self._records.open():
            self._waiting.put(batch)
        self._thread = threading.Thread(target=self._run, name="plots", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the grid at hand."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (batch := self._waiting.get()) is not None:
            try:
                self.finish(batch)
            except Exception:  # noqa: BLE001  the border of the thread
                _log.exception("The grid of the plot %s could not be made.", batch)

    def finish(self, batch: BatchId) -> None:
        """Make the grid, if it is a plot and all of its jobs are final."""
        record = self._records.get(batch)
        if record is None or record.ended:
            return
        jobs = [job for job in self._jobs.of_batch(batch) if job.request.plot is None]
        if len(jobs) < len(record.places) or not all(job.state.is_final for job in jobs):
            return
        drawn = [job for job in jobs if job.pictures]
        if not drawn:
            self._records.end(batch, None)
            return
        grid = self._jobs.add_done(_grid_job(record, drawn[0], jobs))
        self._save(grid, record, jobs)
        self._records.end(batch, grid.id)
        if not _plot_of(record).lone_images:
            for picture in (picture for job in drawn for picture in job.pictures):
                self._gallery.delete(picture.id)

    def _save(self, grid: Job, record: PlotRecord, jobs: Sequence[Job]) -> None:
        plot = _plot_of(record)
        sheets = self._sheets(record, jobs, plot)
        kept = [side_by_side(sheets, plot.margin)]
        if plot.sub_grids and len(sheets) > 1:
            kept += sheets
        try:
            for index, image in enumerate(kept):
                rgb = image.convert("RGB").tobytes()
                sheet = PictureReady(
                    grid.id, index, grid.request.seed, image.width, image.height, rgb
                )
                self._gallery.save(grid, sheet)
        except Exception as error:
            self._jobs.fail_done(grid.id, f"The grid could not be stored: {error}")
            raise
        self._jobs.announce(grid.id)

    def _sheets(self, record: PlotRecord, jobs: Sequence[Job], plot: Plot) -> Sequence[Image.Image]:
        cells: list[Image.Image | None] = [None] * len(record.places)
        for place, job in zip(record.places, jobs, strict=False):
            if job.pictures:
                with Image.open(self._gallery.path(job.pictures[0].id)) as image:
                    cells[place] = image.convert("RGB")
        there = [cell for cell in cells if cell is not None]
        largest = max(cell.width for cell in there), max(cell.height for cell in there)
        return draw_sheets(cells, record.labels, GridLook(largest, plot.margin, plot.legend))


def _plot_of(record: PlotRecord) -> Plot:
    assert record.request.plot is not None  # `PlotService.submit` wrote it
    return record.request.plot


def _grid_job(record: PlotRecord, drawn: Job, jobs: Sequence[Job]) -> Job:
    """A job that is done: what was ordered, with what the first picture's model filled in."""
    known = drawn.request
    filled = {
        name: getattr(known, name)
        for name in ("model", "width", "height", "seed")
        if getattr(record.request, name) in ("", None, -1)
    }
    request = record.request.model_copy(update={**filled, "batch": record.batch, "count": 1})
    steps = sum(job.step for job in jobs)
    missing = sum(not job.pictures for job in jobs)
    note = (
        f"{missing} of {len(jobs)} pictures were not drawn; their places are empty."
        if missing
        else None
    )
    now = time.time()
    return Job(
        id=new_job_id(), request=request, state=JobState.DONE, step=steps, steps=steps, error=None,
        attempts=0, created=now, started=min((j.started for j in jobs if j.started), default=now),
        finished=now, note=note,
    )  # fmt: skip
