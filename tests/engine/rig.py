"""An engine with its models in memory, its events in a list, and shorthand for orders."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import JobId
from webui.contracts.messages import JobEnded, PictureReady, RunJob, StepDone, WorkerEvent
from webui.contracts.request import GenerationRequest
from webui.engine.batching import Execute
from webui.engine.engine import Engine, EngineOptions
from webui.engine.execute import Answer, execute
from webui.engine.model import LoadedModel
from webui.engine.residency import Loader, Residency
from webui.engine.work import Predict, Work


class Rig:
    """Runs jobs on real tiny models and keeps what the engine says."""

    def __init__(
        self,
        *models: LoadedModel,
        run: Execute = execute,
        options: EngineOptions | None = None,
        load: Loader | None = None,
        budget_bytes: int = 2**30,
    ) -> None:
        self.events: list[WorkerEvent] = []
        self.batches: list[list[Work]] = []
        self._run = run
        loaded = {model.checkpoint: model for model in models}
        self.residency = Residency(load or loaded.__getitem__, budget_bytes, lambda _: None)
        self.engine = Engine(
            self.residency, self.events.append, options or EngineOptions(), self._watched
        )

    def _watched(self, works: Sequence[Work]) -> list[Answer]:
        self.batches.append(list(works))
        return self._run(works)

    def finish(self, *orders: RunJob, ticks: int = 5000) -> None:
        """Start jobs and tick until all have ended."""
        for order in orders:
            self.engine.start(order)
        self.tick_until_idle(ticks)

    def tick_until_idle(self, ticks: int = 5000) -> None:
        """Tick until there is nothing to do and nothing to load."""
        self.tick_until(lambda: not self.engine.is_busy, ticks)

    def tick_until(self, reached: Callable[[], bool], ticks: int = 5000) -> None:
        """Tick until it is so; waits a little while there is nothing to do but load."""
        for _ in range(ticks):
            if reached():
                return
            if not self.engine.tick():
                time.sleep(0.001)
        raise AssertionError(f"It is not so after {ticks} ticks.")

    def pictures(self, job: str) -> list[NDArray[np.uint8]]:
        """Pictures of a job, by index."""
        ready = [e for e in self.events if isinstance(e, PictureReady) and e.job_id == job]
        return [pixels(e) for e in sorted(ready, key=lambda e: e.index)]

    def ends(self) -> dict[str, str]:
        """State in which each job ended."""
        return {e.job_id: e.state for e in self.events if isinstance(e, JobEnded)}

    def error(self, job: str) -> str:
        """Why a job failed."""
        return next(
            e.error or "" for e in self.events if isinstance(e, JobEnded) and e.job_id == job
        )

    def steps(self, job: str) -> list[StepDone]:
        """What was said of a job's progress."""
        return [e for e in self.events if isinstance(e, StepDone) and e.job_id == job]

    def predicted_rows(self) -> list[int]:
        """Rows of each evaluation of a denoising network."""
        batches = [[w for w in batch if isinstance(w, Predict)] for batch in self.batches]
        return [sum(w.x.shape[0] for w in batch) for batch in batches if batch]


def order(
    checkpoint: CheckpointInfo,
    job: str = "job",
    image_path: Path | None = None,
    skip: tuple[int, ...] = (),
    **fields: Any,  # fields of a GenerationRequest, which validates them
) -> RunJob:
    """An order for few steps, unless told otherwise."""
    values = {"prompt": "a house", "seed": 7, "steps": 4, **fields}
    if image_path is not None:
        values["image"] = "0" * 64
    request = GenerationRequest.model_validate(values)
    path = None if image_path is None else str(image_path)
    return RunJob(JobId(job), request, checkpoint, path, skip)


def pixels(event: PictureReady) -> NDArray[np.uint8]:
    """(height, width, 3)."""
    return np.frombuffer(event.data, np.uint8).reshape(event.height, event.width, 3)


def opened(data: bytes) -> Image.Image:
    """A preview, decoded."""
    image = Image.open(BytesIO(data))
    image.load()
    return image
