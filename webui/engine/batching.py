"""Which works run together, and what happens when they do not fit.

Groups take turns by how long their oldest member has waited. A batch that fails is halved until
what fails stands alone: so an out-of-memory error costs time, and a faulty work only its own job.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from weakref import WeakKeyDictionary

import torch

from webui.contracts.errors import EaselError, JobFailed, OutOfMemory
from webui.engine.execute import Answer
from webui.engine.model import LoadedModel
from webui.engine.work import (
    DecodeLatent,
    EncodeImage,
    Predict,
    Work,
    group_key,
    rows_of,
    split_rows,
)

log = logging.getLogger(__name__)

Execute = Callable[[Sequence[Work]], "list[Answer]"]


@dataclass(frozen=True)
class Limits:
    """How large a batch may get."""

    rows: int = 16
    """Rows of one forward pass."""
    cells: int = 2**16
    """Latent cells of one evaluation of a denoising network, over all rows."""
    pixels: int = 2**20
    """Pixels of one pass through a first stage, over all rows."""


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


AnyWaiting = TypeVar("AnyWaiting", bound=Waiting)


class Batcher:
    """Chooses batches and runs them; remembers which sizes did not fit until told to forget."""

    def __init__(self, execute: Execute, limits: Limits) -> None:
        self._execute = execute
        self._limits = limits
        self._fitting: WeakKeyDictionary[LoadedModel, dict[object, int]] = WeakKeyDictionary()

    def forget(self) -> None:
        """Try full batches again: memory may have become free."""
        self._fitting.clear()

    def choose(self, waiting: Sequence[AnyWaiting]) -> list[AnyWaiting]:
        """Members of the group that has waited longest, oldest first, as many as may fit."""
        ordered = sorted(waiting, key=lambda member: member.since)
        first = ordered[0].work
        key = group_key(first)
        known = self._fitting.get(first.model, {}).get(key[::2], self._limits.rows)
        room = min(known, _row_limit(first, self._limits))
        batch: list[AnyWaiting] = []
        for member in ordered:
            if group_key(member.work) != key:
                continue
            room -= rows_of(member.work)
            if room < 0 and batch:
                break
            batch.append(member)
        return batch

    def run(self, works: Sequence[Work]) -> list[Answer]:
        """Run works of one group; halves the batch on a failure, down to single rows.

        Never raises for a failing work: its answer is the exception.
        """
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
        parts = split_rows(works[0]) if is_out_of_memory(failure) else ()
        if not parts:
            return [_as_answer(failure)]
        return [_rejoined(self.run(parts))]

    def _noted(self, works: Sequence[Work], error: Exception) -> Exception:
        rows = sum(rows_of(work) for work in works)
        if is_out_of_memory(error):
            log.warning("Out of memory with %d rows of %s.", rows, type(works[0]).__name__)
            key = group_key(works[0])[::2]
            self._fitting.setdefault(works[0].model, {})[key] = max(rows // 2, 1)
        elif len(works) == 1:
            log.error("%s failed.", type(works[0]).__name__, exc_info=error)
        return error.with_traceback(None)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's or the machine's memory is full."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate" in text)


def release_memory() -> None:
    """Give back what the allocators hold without need."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _row_limit(work: Work, limits: Limits) -> int:
    if isinstance(work, Predict):
        return min(limits.rows, limits.cells // (work.x.shape[-1] * work.x.shape[-2]))
    if isinstance(work, DecodeLatent):
        return min(limits.rows, limits.pixels // (work.width * work.height))
    if isinstance(work, EncodeImage):
        return min(limits.rows, limits.pixels // (work.pixels.shape[-1] * work.pixels.shape[-2]))
    return limits.rows


def _rejoined(answers: Sequence[Answer]) -> Answer:
    tensors = []
    for answer in answers:
        if not isinstance(answer, torch.Tensor):
            return answer
        tensors.append(answer)
    return torch.cat(tensors)


def _as_answer(error: Exception) -> Exception:
    if isinstance(error, EaselError):
        return error
    if is_out_of_memory(error):
        return OutOfMemory(
            "The picture does not fit the memory of this worker, not even alone. "
            "Choose a smaller size, or a smaller model."
        )
    return JobFailed(
        f"The model failed with {type(error).__name__}: {str(error)[:300]} "
        "The log of the worker has the details."
    )
