"""Endless values made by worker processes, ahead of a training that is faster than one core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

Value = TypeVar("Value")


class Stream(Generic[Value]):
    """Values of `make(i)` for i = first, first + 1, ...; their order does not depend on the workers."""

    def __init__(self, make: Callable[[int], Value], workers: int, first: int = 0) -> None:
        """`make` and its values travel between processes, so both can be pickled.

        Args:
            make: Makes value number i; a function of a module, or an object that can be called.
            workers: Processes; 0 makes a value when it is asked for.
            first: Number of the first value.
        """
        loader = DataLoader(
            _Numbered(make, first),
            batch_size=None,
            collate_fn=_as_it_is,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
        )
        self._values = iter(loader)

    def __next__(self) -> Value:
        """The next value; waits for it."""
        value: Value = next(self._values)
        return value

    def __iter__(self) -> Iterator[Value]:
        return self


def _as_it_is(value: Value) -> Value:
    """Instead of PyTorch's own step, which makes tensors of arrays."""
    return value


class _Numbered(IterableDataset[Value]):
    def __init__(self, make: Callable[[int], Value], first: int) -> None:
        self.make, self.first = make, first

    def __iter__(self) -> Iterator[Value]:
        worker = get_worker_info()
        number, step = (worker.id, worker.num_workers) if worker else (0, 1)
        if worker:  # one process is one core here
            torch.set_num_threads(1)
            cv2.setNumThreads(0)
        while True:
            yield self.make(self.first + number)
            number += step


def random_source(number: int, seed: int) -> np.random.Generator:
    """The random source of a stream's value: the same whoever makes it."""
    return np.random.default_rng([seed, number])
