"""Rows of plots: what their grids will need, whatever becomes of the studio meanwhile."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Engine, insert, select, update

from webui.contracts.ids import BatchId, JobId
from webui.contracts.request import GenerationRequest
from webui.services.database import reading, writing
from webui.services.tables import PLOTS


@dataclass(frozen=True)
class PlotRecord:
    """A plot that was ordered."""

    batch: BatchId
    request: GenerationRequest
    """The order, with its plot."""
    labels: tuple[tuple[str, ...], ...]
    """Of X, Y and Z."""
    places: tuple[int, ...]
    """Of each job, in their order: its place in the grid, X fastest, then Y, then Z."""
    grid: JobId | None = None
    ended: bool = False


class PlotRecords:
    """Writes and reads them."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def add(self, record: PlotRecord) -> None:
        """Write one that was ordered just now."""
        with writing(self._database) as connection:
            connection.execute(
                insert(PLOTS).values(
                    batch=record.batch, request=record.request.model_dump_json(exclude_unset=True),
                    labels=json.dumps(record.labels), places=json.dumps(record.places), ended=False,
                )
            )  # fmt: skip

    def get(self, batch: BatchId) -> PlotRecord | None:
        """The plot of a batch; None where it is none."""
        with reading(self._database) as connection:
            row = connection.execute(select(PLOTS).where(PLOTS.c.batch == batch)).first()
        if row is None:
            return None
        return PlotRecord(
            BatchId(row.batch),
            GenerationRequest.model_validate_json(row.request),
            tuple(map(tuple, json.loads(row.labels))),
            tuple(json.loads(row.places)),
            None if row.grid is None else JobId(row.grid),
            row.ended,
        )

    def open(self) -> tuple[BatchId, ...]:
        """Those whose grids are not there yet."""
        with reading(self._database) as connection:
            rows = connection.execute(select(PLOTS.c.batch).where(PLOTS.c.ended.is_(False)))
            return tuple(BatchId(row.batch) for row in rows)

    def end(self, batch: BatchId, grid: JobId | None) -> None:
        """Write that its grid is there, or that nothing was drawn."""
        with writing(self._database) as connection:
            connection.execute(
                update(PLOTS).where(PLOTS.c.batch == batch).values(grid=grid, ended=True)
            )
