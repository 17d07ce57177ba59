"""Hears of jobs and of the worker, writes them down, and gives the page a bell."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel, Field

from webui.contracts.access import StudioAccess
from webui.contracts.ids import JobId
from webui.contracts.job import Job
from webui.hooks.specs import hookimpl

from .book import Book, Entry


class Settings(BaseModel):
    """Shown on the Extensions tab."""

    ring: bool = Field(True, title="Ring", description="A short tone when a job ends in a page that nobody looks at.")


@dataclass
class _Pace:
    """Steps of a running job."""

    first: float
    first_step: int
    last: float
    last_step: int


_books: list[Book] = []
"""The book, between the start and the end: what is heard does not come with access."""
_paces: dict[JobId, _Pace] = {}


@hookimpl
def settings() -> type[BaseModel]:
    """The typed settings."""
    return Settings


@hookimpl
def scripts() -> Sequence[str]:
    """The bell."""
    return ["bell.js"]


@hookimpl
def routes(access: StudioAccess) -> APIRouter:
    """`/api/v1/extensions/logbook/days`."""
    router, book = APIRouter(), Book(access.folder)

    @router.get("/days")
    def days() -> list[str]:
        """Days with lines, newest first."""
        return book.days()

    @router.get("/days/{day}")
    def day(day: str) -> list[Entry]:
        """A day's lines, newest first."""
        return book.read(day)

    return router


@hookimpl
def commands(folder: Path) -> Mapping[str, Callable[[Sequence[str]], int]]:
    """`python launch.py extensions run logbook day 2026-11-27`; without a day, the latest."""
    return {"day": lambda words: _print_day(Book(folder), words)}


def _print_day(book: Book, words: Sequence[str]) -> int:
    day = words[0] if words else next(iter(book.days()), "")
    for entry in reversed(book.read(day)):
        seconds = "" if entry.seconds is None else f"{entry.seconds:8.1f} s"
        sys.stdout.write(f"{time.strftime('%H:%M:%S', time.localtime(entry.time))} {entry.what:7}{seconds:10} {entry.said}\n")
    return 0 if book.read(day) else 1


@hookimpl
def studio_started(access: StudioAccess) -> None:
    """Open the book."""
    _books[:] = [Book(access.folder)]
    _write(Entry(time=time.time(), what="studio", said="The studio answers."))


@hookimpl
def studio_stopped() -> None:
    """Close it."""
    _write(Entry(time=time.time(), what="studio", said="The studio ends, or the logbook is disabled."))
    _books.clear()
    _paces.clear()


@hookimpl
def worker_changed(state: str, device: str, detail: str) -> None:
    """A line for each change of the worker: what it loads, and why it went."""
    said = ", ".join(part for part in (f"The worker is {state}", device, detail) if part)
    _write(Entry(time=time.time(), what="worker", said=said, state=state))


@hookimpl
def job_stepped(job_id: JobId, step: int, steps: int) -> None:
    """Look at the clock; `steps` are all that there will be."""
    now = time.monotonic()
    pace = _paces.setdefault(job_id, _Pace(now, step, now, step))
    pace.last, pace.last_step = now, min(step, steps)


@hookimpl
def job_changed(job: Job) -> None:
    """A line for each job that ended."""
    if not job.state.is_final:
        return
    pace = _paces.pop(job.id, None)
    took = 0.0 if pace is None else pace.last - pace.first
    done = 0 if pace is None else pace.last_step - pace.first_step
    words = job.error or job.request.prompt or "a picture without words"
    _write(
        Entry(
            time=time.time(), what="job", said=words, job=job.id, model=job.request.model or "", state=job.state.value,
            pictures=len(job.pictures), waited=_between(job.created, job.started),
            seconds=_between(job.started, job.finished), steps_per_second=round(done / took, 3) if took > 0 else None,
        )
    )  # fmt: skip


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 3)


def _write(entry: Entry) -> None:
    for book in _books:
        book.add(entry)
