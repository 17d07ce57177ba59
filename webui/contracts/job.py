"""Jobs and pictures as the record keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from webui.contracts.ids import JobId, PictureId
from webui.contracts.request import GenerationRequest


class JobState(str, Enum):
    """Where a job is. Only the first two can change."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True)
class Picture:
    """A finished picture; its file exists."""

    id: PictureId
    job_id: JobId
    index: int
    """0-based place within its job."""
    seed: int
    width: int
    height: int
    file: str
    """Path below the outputs folder, '/' separated."""
    created: float
    """Seconds since the epoch."""
    batch: str = ""
    """What its job was ordered together with; empty for a job by itself."""


@dataclass(frozen=True)
class Job:
    """A snapshot of a job."""

    id: JobId
    request: GenerationRequest
    state: JobState
    step: int
    """Denoising steps done, over all its pictures."""
    steps: int
    """Denoising steps to do, over all its pictures."""
    error: str | None
    """A sentence, when failed."""
    attempts: int
    """How often a worker has been given it."""
    created: float
    started: float | None
    finished: float | None
    note: str | None = None
    """A sentence on what is not as asked, such as a prompt that was cut; the job goes on."""
    pictures: tuple[Picture, ...] = field(default=())
    place: int | None = None
    """Jobs before it, when queued; 0 is next."""
