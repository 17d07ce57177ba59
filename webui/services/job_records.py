"""Rows of jobs and pictures, as snapshots and back; each function works in one open transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from webui.contracts.ids import BatchId, JobId, PictureId
from webui.contracts.job import Job, JobState, Picture
from webui.contracts.parameters.turns import PRIORITIES
from webui.contracts.request import GenerationRequest
from webui.services.tables import JOBS, PICTURES

_TURN = (JOBS.c.rank.desc(), JOBS.c.number)
"""The order of the queue."""


def insert_job(connection: Connection, job: Job) -> Job:
    """Add a job; its time is moved so that times order jobs as the queue does."""
    latest = connection.scalar(select(func.max(JOBS.c.created)))
    created = job.created if latest is None else max(job.created, latest + 1e-6)
    connection.execute(
        insert(JOBS).values(
            id=job.id, request=job.request.model_dump_json(), state=job.state.value, step=job.step,
            steps=job.steps, attempts=0, deaths=0, cancel_requested=False, created=created,
            rank=PRIORITIES[job.request.priority].rank, batch=job.request.batch or None,
            started=job.started, finished=job.finished, note=job.note,
        )
    )  # fmt: skip
    stored = select_job(connection, job.id)
    assert stored is not None  # inserted above, in this transaction
    return stored


def update_job(
    connection: Connection, job_id: JobId, states: Collection[JobState], **values: Any
) -> bool:
    """Change a job if it is in one of the states; whether it was."""
    done = connection.execute(
        update(JOBS)
        .where(JOBS.c.id == job_id, JOBS.c.state.in_([s.value for s in states]))
        .values(**values)
    )
    return done.rowcount == 1


def select_job(connection: Connection, job_id: JobId) -> Job | None:
    """The job with its pictures."""
    row = connection.execute(select(JOBS).where(JOBS.c.id == job_id)).first()
    return None if row is None else _jobs(connection, [row])[0]


def select_jobs(
    connection: Connection, limit: int, before: float | None, states: Collection[JobState] | None
) -> tuple[Job, ...]:
    """Jobs, newest first."""
    # By time, which orders jobs as their numbers do (`insert_job`): its index finds a page wherever it is.
    query = select(JOBS).order_by(JOBS.c.created.desc()).limit(limit)
    if before is not None:
        query = query.where(JOBS.c.created < before)
    if states is not None:
        query = query.where(JOBS.c.state.in_([s.value for s in states]))
    return _jobs(connection, connection.execute(query).all())


def select_batch(connection: Connection, batch: BatchId) -> tuple[Job, ...]:
    """Jobs that were ordered together, in their order."""
    query = select(JOBS).where(JOBS.c.batch == batch).order_by(JOBS.c.number)
    return _jobs(connection, connection.execute(query).all())


def select_next(connection: Connection, excluding: Collection[JobId]) -> Job | None:
    """The queued job whose turn it is: the highest priority first, then the first submitted."""
    query = select(JOBS).where(JOBS.c.state == JobState.QUEUED.value).order_by(*_TURN).limit(1)
    if excluding:
        query = query.where(JOBS.c.id.not_in(list(excluding)))
    row = connection.execute(query).first()
    return None if row is None else _jobs(connection, [row])[0]


def select_waiting(connection: Connection) -> tuple[Job, ...]:
    """The queued jobs in the order of their turns."""
    query = select(JOBS).where(JOBS.c.state == JobState.QUEUED.value).order_by(*_TURN)
    return _jobs(connection, connection.execute(query).all())


def count_states(connection: Connection) -> dict[JobState, int]:
    """How many jobs are in each state."""
    rows = connection.execute(select(JOBS.c.state, func.count()).group_by(JOBS.c.state)).all()
    return dict.fromkeys(JobState, 0) | {JobState(state): n for state, n in rows}


def picture_of(row: Row[Any]) -> Picture:
    """A picture's row as a value."""
    return Picture(
        id=PictureId(row.id), job_id=JobId(row.job_id), index=row._mapping["index"], seed=row.seed,
        width=row.width, height=row.height, file=row.file, created=row.created,
        batch=row.batch or "",
    )  # fmt: skip


def _jobs(connection: Connection, rows: Collection[Row[Any]]) -> tuple[Job, ...]:
    pictures: dict[str, list[Picture]] = {row.id: [] for row in rows}
    shown = (
        select(PICTURES)
        .where(PICTURES.c.job_id.in_(list(pictures)), PICTURES.c.deleted.is_(None))
        .order_by(PICTURES.c.index)
    )
    for row in connection.execute(shown):
        pictures[row.job_id].append(picture_of(row))
    places = _places(connection) if any(r.state == JobState.QUEUED.value for r in rows) else {}
    return tuple(_job(row, tuple(pictures[row.id]), places.get(row.number)) for row in rows)


def _places(connection: Connection) -> dict[int, int]:
    queued = select(JOBS.c.number).where(JOBS.c.state == JobState.QUEUED.value).order_by(*_TURN)
    return {number: place for place, number in enumerate(connection.scalars(queued))}


def _job(row: Row[Any], pictures: tuple[Picture, ...], place: int | None) -> Job:
    return Job(
        id=JobId(row.id), request=GenerationRequest.model_validate_json(row.request),
        state=JobState(row.state), step=row.step, steps=row.steps, error=row.error,
        attempts=row.attempts, created=row.created, started=row.started, finished=row.finished,
        note=row.note, pictures=pictures, place=place,
    )  # fmt: skip
