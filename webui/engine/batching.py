"""Which works run together, and what happens when they do not fit.

Groups take turns by the time that they use (`turns.py`); within one, who has waited longest goes
first. A batch that fails is halved until what fails stands alone: so an out-of-memory error costs
time, and a faulty work only its own job.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

import torch

from webui.contracts.errors import EaselError, JobFailed, OutOfMemory
from webui.contracts.parameters.turns import Priority
from webui.engine.memory import is_out_of_memory, release_memory
from webui.engine.model import LoadedModel
from webui.engine.splitting import split
from webui.engine.turns import Candidate, Turns
from webui.engine.work import (
    Answer,
    DecodeLatent,
    EncodeImage,
    Execute,
    Predict,
    UpscalePixels,
    Work,
    can_join,
    group_key,
    rows_of,
)

log = logging.getLogger(__name__)

GPU_TIMED = 8
"""Of so many turns on a GPU one is timed."""
HEAD_START = 2
"""Ticks that a rank of priority is worth among works that do not all fit one batch."""
_Key = tuple[tuple[object, LoadedModel, object], bool]
"""Of a group: what its works have in common (`group_key`), and whether they keep to themselves."""


@dataclass(frozen=True)
class Limits:
    """How large a batch may get."""

    rows: int = 16
    """Rows of one forward pass."""
    live_rows: int = 4
    """Rows of one that somebody watches: few, so that it is over soon."""
    cells: int = 2**16
    """Latent cells of one evaluation of a denoising network, over all rows."""
    pixels: int = 2**16
    """Pixels of one pass through a first stage, over all rows.

    On a CPU a batch of large pictures leaves its caches: a decoding takes 385 ms of a core alone and
    527 ms among eight.
    """


class Waiting(Protocol):
    """A program that waits for a piece of work."""

    @property
    def work(self) -> Work:
        """What it waits for."""
        ...

    @property
    def since(self) -> int:
        """Tick in which it began to wait."""
        ...

    @property
    def priority(self) -> Priority:
        """Of its job."""
        ...


AnyWaiting = TypeVar("AnyWaiting", bound=Waiting)


class Batcher:
    """Chooses batches and runs them; remembers which sizes did not fit until told to forget."""

    def __init__(
        self,
        execute: Execute,
        limits: Limits,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`clock` gives the seconds that turns are counted in."""
        self._execute = execute
        self._limits = limits
        self._clock = clock
        self._turns = Turns()
        self._turn = 0
        self._fitting: WeakKeyDictionary[LoadedModel, dict[object, int]] = WeakKeyDictionary()

    def forget(self) -> None:
        """Try full batches again: memory may have become free."""
        self._fitting.clear()
        self._turns.forget()

    def turn(
        self,
        waiting: Sequence[AnyWaiting],
        chosen: Callable[[Sequence[AnyWaiting]], None] = lambda _: None,
    ) -> tuple[list[AnyWaiting], list[Answer]]:
        """Choose whose turn it is and run what they wait for: the members, and an answer each.

        `chosen` is told of the members before what they wait for is run.
        """
        group, batch = self._choose(waiting)
        chosen(batch)
        works = [member.work for member in batch]
        watched = self._is_timed(group, works[0].model.device)
        started = self._clock()
        answers = self.run(works)
        if watched and works[0].model.device.type == "cuda":
            torch.cuda.synchronize(works[0].model.device)
        seconds = self._clock() - started if watched else None
        self._turns.charge(group, sum(map(rows_of, works)), seconds)
        return batch, answers

    def _is_timed(self, group: Candidate, device: torch.device) -> bool:
        """On a CPU always; a GPU is waited for now and then only, for it works ahead of us."""
        self._turn += 1
        if device.type != "cuda":
            return True
        watched = self._turn % GPU_TIMED == 0 or not self._turns.is_known(group)
        if watched:
            torch.cuda.synchronize(device)
        return watched

    def choose(self, waiting: Sequence[AnyWaiting]) -> list[AnyWaiting]:
        """Members of the group whose turn it is, longest waiting first, as many as may fit."""
        return self._choose(waiting)[1]

    def _choose(self, waiting: Sequence[AnyWaiting]) -> tuple[Candidate, list[AnyWaiting]]:
        groups: dict[_Key, list[AnyWaiting]] = {}
        for member in sorted(waiting, key=_seniority):
            groups.setdefault((group_key(member.work), member.priority.alone), []).append(member)
        rooms = {key: self._room(key, members[0]) for key, members in groups.items()}
        group = self._turns.next(
            self._candidate(key, members, rooms[key]) for key, members in groups.items()
        )
        key = cast(_Key, group.key)
        return group, self._batch(groups[key], rooms[key])

    def _candidate(self, key: _Key, members: Sequence[Waiting], room: int) -> Candidate:
        rows = sum(rows_of(member.work) for member in members)
        share = max(member.priority.share for member in members)
        kind = (members[0].work.model.checkpoint.id, *key[0][::2])
        return Candidate(key, kind, min(rows, room), share)

    def _room(self, key: _Key, first: Waiting) -> int:
        """Rows that its batch may have; 0 where not even its own fit the limits."""
        work, limits = first.work, self._limits
        known = self._fitting.get(work.model, {}).get(key[0][::2], limits.rows)
        most = limits.live_rows if first.priority.alone else limits.rows
        return min(known, most, _row_limit(work, limits))

    def _batch(self, members: Sequence[AnyWaiting], room: int) -> list[AnyWaiting]:
        batch: list[AnyWaiting] = []
        for member in members:
            if batch and not can_join(member.work, [other.work for other in batch]):
                continue
            room -= rows_of(member.work)
            if room < 0 and batch:
                break
            batch.append(member)
        return batch

    def run(self, works: Sequence[Work]) -> list[Answer]:
        """Run works of one group; halves the batch on a failure, down to parts of one work.

        Never raises for a failing work: its answer is the exception.
        """
        failure: Exception | None = None
        if not self._is_too_large(works):
            try:
                return self._execute(works)
            except Exception as error:  # noqa: BLE001 - the worker loop's border
                failure = self._noted(works, error)
            # Outside the handler, where the failed pass's tensors are already free.
            if is_out_of_memory(failure):
                release_memory()
        if len(works) > 1:
            half = len(works) // 2
            return self.run(works[:half]) + self.run(works[half:])
        parted = split(works[0]) if failure is None or is_out_of_memory(failure) else None
        if parted is not None:
            return [parted.join([self.run([part])[0] for part in parted.parts])]
        return [as_failure(failure or MemoryError(), "The model")]

    def _is_too_large(self, works: Sequence[Work]) -> bool:
        """Whether so many rows did not fit of late, and fewer are possible."""
        work = works[0]
        if not (fitting := self._fitting.get(work.model)):
            return False
        known = fitting.get(group_key(work)[::2])
        if known is None or sum(map(rows_of, works)) <= known:
            return False
        return len(works) > 1 or split(work) is not None

    def _noted(self, works: Sequence[Work], error: Exception) -> Exception:
        rows = sum(rows_of(work) for work in works)
        if is_out_of_memory(error):
            log.warning("Out of memory with %d rows of %s.", rows, type(works[0]).__name__)
            key = group_key(works[0])[::2]
            self._fitting.setdefault(works[0].model, {})[key] = rows // 2
        elif len(works) == 1:
            log.error("%s failed.", type(works[0]).__name__, exc_info=error)
        return error.with_traceback(None)


def _seniority(member: Waiting) -> int:
    """The tick since when it waits, as if earlier or later for its priority."""
    return member.since - HEAD_START * member.priority.rank


def _row_limit(work: Work, limits: Limits) -> int:
    if isinstance(work, Predict):
        return min(limits.rows, limits.cells // (work.x.shape[-1] * work.x.shape[-2]))
    if isinstance(work, DecodeLatent):
        return min(limits.rows, limits.pixels // (work.width * work.height))
    if isinstance(work, (EncodeImage, UpscalePixels)):
        return min(limits.rows, limits.pixels // (work.pixels.shape[-1] * work.pixels.shape[-2]))
    return limits.rows


def as_failure(error: Exception, what: str) -> EaselError:
    """An error as a sentence for the job; `what` failed, where the error does not say itself."""
    if isinstance(error, EaselError):
        return error
    if is_out_of_memory(error):
        return OutOfMemory(
            "The picture does not fit the memory of this worker, not even alone. "
            "Choose a smaller size, or a smaller model."
        )
    return JobFailed(
        f"{what} failed with {type(error).__name__}: {str(error)[:300]} "
        "The log of the worker has the details."
    )
