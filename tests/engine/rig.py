"""An engine with its models in memory, its events in a list, and shorthand for orders."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.workers.listening import SECONDS
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ImageId, JobId
from webui.contracts.messages import JobEnded, JobNoted, PictureReady, RunJob, StepDone, WorkerEvent
from webui.contracts.preview import Preview
from webui.contracts.request import PARAMETERS, GenerationRequest
from webui.engine.adapters.store import AdapterStore
from webui.engine.engine import Engine, EngineOptions
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.residency import Loader, Residency
from webui.engine.work import Answer, Execute, Predict, Work

AnyWork = TypeVar("AnyWork", bound=Work)


class Rig:
    """Runs jobs on real tiny models and keeps what the engine says."""

    def __init__(
        self,
        *models: LoadedModel,
        run: Execute = execute,
        options: EngineOptions | None = None,
        load: Loader | None = None,
        budget_bytes: int = 2**30,
        adapters: AdapterStore | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.events: list[WorkerEvent] = []
        self.batches: list[list[Work]] = []
        self._run = run
        loaded = {model.checkpoint: model for model in models}
        self.residency = Residency(load or loaded.__getitem__, budget_bytes, lambda _: None)
        self.engine = Engine(
            self.residency,
            self.events.append,
            options or EngineOptions(),
            self._watched,
            clock,
            adapters,
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
        """Tick until it is so, for so many ticks that did something; waits while there is nothing to do but load."""
        done, deadline = 0, time.monotonic() + SECONDS
        while done < ticks and time.monotonic() < deadline:
            if reached():
                return
            if self.engine.tick():
                done, deadline = done + 1, time.monotonic() + SECONDS
            else:
                time.sleep(0.001)
        raise AssertionError(f"It is not so after {done} ticks, or {SECONDS:g} s without any.")

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

    def notes(self) -> list[JobNoted]:
        """What was said of jobs that go on all the same."""
        return [e for e in self.events if isinstance(e, JobNoted)]

    def works(self, kind: type[AnyWork]) -> list[AnyWork]:
        """All pieces of work of a kind that were run, in order."""
        return [work for batch in self.batches for work in batch if isinstance(work, kind)]

    def predicted_rows(self) -> list[int]:
        """Rows of each evaluation of a denoising network."""
        batches = [[w for w in batch if isinstance(w, Predict)] for batch in self.batches]
        return [sum(w.x.shape[0] for w in batch) for batch in batches if batch]


def crowd_as_alone(
    model: LoadedModel, *orders: RunJob, exact: Callable[[RunJob], bool] = lambda _: False
) -> Rig:
    """Run jobs together, each of whose first pictures is as made alone but for 1/255; to the bit where it is to be exact."""
    crowd = Rig(model)
    crowd.finish(*orders)
    for each in orders:
        alone = Rig(model)
        alone.finish(each)
        mine, expected = crowd.pictures(each.job_id)[0], alone.pictures(each.job_id)[0]
        assert abs(mine.astype(int) - expected).max() <= (0 if exact(each) else 1), each.job_id
    return crowd


def image_id(path: Path) -> ImageId:
    """What a request calls a file in these tests."""
    return ImageId(hashlib.sha256(str(path).encode()).hexdigest())


def order(
    checkpoint: CheckpointInfo,
    job: str = "job",
    skip: tuple[int, ...] = (),
    files: Mapping[str, Path] | None = None,
    adapters: tuple[AdapterInfo, ...] = (),
    **fields: Any,  # fields of a GenerationRequest, which validates them
) -> RunJob:
    """An order for few steps, unless told otherwise.

    `files` are the images by the field that names them; those of controls by any other name.
    """
    files = files or {}
    named = {name: image_id(path) for name, path in files.items() if name in PARAMETERS}
    values = {"prompt": "a house", "seed": 7, "steps": 4, **named, **fields}
    request = GenerationRequest.model_validate(values)
    images = {str(image_id(path)): str(path) for path in files.values()}
    return RunJob(JobId(job), request, checkpoint, images, adapters, skip)


def pixels(event: PictureReady) -> NDArray[np.uint8]:
    """(height, width, 3)."""
    return np.frombuffer(event.data, np.uint8).reshape(event.height, event.width, 3)


def opened(preview: Preview | None) -> Image.Image:
    """A preview, as it is shown."""
    assert preview is not None, "this step has no preview"
    return preview.image()
