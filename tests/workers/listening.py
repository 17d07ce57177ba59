"""Waiting for what a worker says."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from webui.contracts.adapter import AdapterInfo
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import JobId
from webui.contracts.messages import RunJob, WorkerEvent
from webui.contracts.request import GenerationRequest

ECHO_WORKER = [sys.executable, "-m", "tests.workers.echo_worker"]

SECONDS = 40.0
"""How long something is waited for: reached where it never comes, and not where others use the processor meanwhile."""

_T = TypeVar("_T", bound=WorkerEvent)


class Ear:
    """Keeps events, and waits for one of a kind."""

    def __init__(self) -> None:
        self.events: list[WorkerEvent] = []
        self._condition = threading.Condition()

    def __call__(self, event: WorkerEvent) -> None:
        with self._condition:
            self.events.append(event)
            self._condition.notify_all()

    def of(self, kind: type[_T]) -> list[_T]:
        return [event for event in self.events if isinstance(event, kind)]

    def wait_for(self, kind: type[_T], count: int = 1, seconds: float = SECONDS) -> _T:
        with self._condition:
            came = self._condition.wait_for(lambda: len(self.of(kind)) >= count, seconds)
        assert came, f"no {kind.__name__} came; heard {[type(e).__name__ for e in self.events]}"
        return self.of(kind)[count - 1]


def order(
    prompt: str = "a boat",
    skip: tuple[int, ...] = (),
    image: Path | None = None,
    mask: Path | None = None,
    adapters: tuple[AdapterInfo, ...] = (),
    **fields: object,
) -> RunJob:
    """An order for the fake worker; files become images of the request."""
    images = {f"{place:064x}": str(file) for place, file in enumerate((image, mask)) if file}
    named = {"image": image and f"{0:064x}", "mask": mask and f"{1:064x}"}
    values = {"width": 64, "height": 64, "steps": 4, "seed": 5, "prompt": prompt, **named, **fields}
    request = GenerationRequest.model_validate(values)
    job = JobId(f"job of {prompt}")
    return RunJob(job, request, FAKE_CHECKPOINT, images, adapters, skip)


def eventually(true: Callable[[], bool], seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come to that in time"
        time.sleep(0.005)
