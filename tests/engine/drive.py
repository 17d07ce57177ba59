"""Run a task with a plain function in place of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor

from webui.engine.work import Denoise, StepTaken, Task, Work

Result = TypeVar("Result")


def drive(task: Task[Result], answer: Callable[[Work], object]) -> Result:
    """Answer each piece of work until the task returns; notes are answered by None."""
    reply: object = None
    while True:
        try:
            wanted = task.send(reply)
        except StopIteration as finished:
            result: Result = finished.value
            return result
        reply = None if isinstance(wanted, StepTaken) else answer(wanted)


def no_work(work: Work) -> object:
    """For tasks that must not need a network."""
    raise AssertionError(f"{work} was not expected.")


def at_once(guess: Callable[[Tensor, float], Tensor]) -> Denoise:
    """A denoiser that needs no engine."""

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        yield from ()
        return guess(x, sigma)

    return denoise
