"""The jobs that the worker has, and what becomes of them when it dies.

Each is tried once more after a death, alone, so that the one that killed the worker takes no other down a second
time; a second death fails it. Used by the dispatcher's thread alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from webui.contracts.ids import JobId
from webui.contracts.job import Job, JobState
from webui.contracts.parameters.turns import PRIORITIES
from webui.services.gallery import Gallery
from webui.services.jobs import JobService
from webui.services.pace import Pace

MAX_DEATHS = 2
RESERVE = 4
"""Jobs beyond the capacity that the worker is given where their priority is high."""


@dataclass
class HeldJob:
    """A job that the worker has."""

    job: Job
    alone: bool
    """A worker died with it, so it gets no company."""
    pace: Pace = field(default_factory=Pace)
    told: str = ""
    """What the worker notes of it, all of it."""
    own: list[str] = field(default_factory=list)
    """What the studio notes of it, a sentence or more each."""


class HeldJobs:
    """Says which jobs the worker has and may get, and ends or puts back those that it loses."""

    def __init__(self, jobs: JobService, gallery: Gallery, capacity: int) -> None:
        self._jobs = jobs
        self._gallery = gallery
        self._capacity = capacity
        self._held: dict[JobId, HeldJob] = {}

    def __len__(self) -> int:
        return len(self._held)

    def get(self, job_id: JobId | None) -> HeldJob | None:
        """The job, where the worker has it."""
        return None if job_id is None else self._held.get(job_id)

    def has_room_for(self, job: Job) -> bool:
        """Whether the worker may get it now."""
        if any(held.alone for held in self._held.values()):
            return False
        jumps = PRIORITIES[job.request.priority].jumps
        if len(self._held) >= self._capacity + (RESERVE if jumps else 0):
            return False
        return not (self._held and self._must_be_alone(job))

    def is_complete(self, job: Job) -> bool:
        """Whether all its pictures are there."""
        return len(self._gallery.delivered(job.id)) >= job.request.count

    def add(self, job: Job) -> None:
        """The worker gets it."""
        self._held[job.id] = HeldJob(job, self._must_be_alone(job))

    def drop(self, job_id: JobId) -> None:
        """The worker has it no more; nothing else happens to it."""
        self._held.pop(job_id, None)

    def note(self, job_id: JobId, told: str) -> None:
        """Keep what the worker notes of a job, which is all that it has noted so far."""
        if (held := self.get(job_id)) is not None:
            held.told = told
            self._write_note(held)

    def note_own(self, job_id: JobId, said: str) -> None:
        """Add what went wrong in the studio while a picture of a job was stored."""
        held = self.get(job_id)
        if held is not None and said not in held.own:
            held.own.append(said)
            self._write_note(held)

    def _write_note(self, held: HeldJob) -> None:
        self._jobs.note(held.job.id, " ".join(filter(None, (held.told, *held.own))))

    def worker_died(self, reason: str, blame: bool = True) -> None:
        """End or put back all of them, one by one: what the record could not take is held still.

        Without `blame` it is known that none of them ended it, and it does not count.
        """
        for job_id, held in list(self._held.items()):
            if self.is_complete(held.job):
                self._jobs.finish(job_id, JobState.DONE)
            elif blame and self._jobs.deaths(job_id) + 1 >= MAX_DEATHS:
                error = f"The worker ended {MAX_DEATHS} times while it drew this, the last time alone with it. {reason}"
                self._jobs.finish(job_id, JobState.FAILED, error)
            else:
                self._jobs.requeue(job_id, blame=blame)
            self.drop(job_id)

    def studio_ends(self) -> None:
        """Put all of them back, without blame, for the next start."""
        for job_id, held in self._held.items():
            if self.is_complete(held.job):
                self._jobs.finish(job_id, JobState.DONE)
            else:
                self._jobs.requeue(job_id, blame=False)

    def _must_be_alone(self, job: Job) -> bool:
        return self._jobs.deaths(job.id) > 0
