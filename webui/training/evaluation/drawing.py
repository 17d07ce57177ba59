"""Pictures for a measurement, drawn by the real engine as any user's job is."""

from __future__ import annotations

import hashlib
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.contracts.ids import ImageId, JobId, ModelId
from webui.contracts.messages import JobEnded, PictureReady, RunJob, WorkerEvent
from webui.contracts.request import GenerationRequest
from webui.engine.engine import Engine, EngineOptions
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.residency import Residency
from webui.services.diffusers_folder import describe_folder
from webui.training.runs import Pixels


@dataclass(frozen=True)
class Supplies:
    """What requests may name: pictures, kept in a folder under their sha256, and adapters."""

    folder: Path
    adapters: tuple[AdapterInfo, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    """Image id to file."""

    def keep(self, picture: NDArray[np.uint8]) -> ImageId:
        """Write a picture, RGB (H, W, 3) or grey (H, W), as PNG; its id names it in a request."""
        shown = np.ascontiguousarray(picture)
        name = hashlib.sha256(repr(shown.shape).encode() + shown.tobytes()).hexdigest()
        if name not in self.files:
            file = self.folder / f"{name}.png"
            Image.fromarray(shown).save(file, compress_level=1)
            self.files[name] = str(file)
        return ImageId(name)


def draw(
    model: LoadedModel, requests: Sequence[GenerationRequest], supplies: Supplies | None = None
) -> list[Pixels]:
    """The first picture of each request, uint8 (H, W, 3), all going at once.

    Raises:
        JobFailed: at least one of them could not be drawn; says how many and why the first.
    """
    files = {} if supplies is None else supplies.files
    adapters = () if supplies is None else supplies.adapters
    pictures: dict[str, Pixels] = {}
    failures: list[str] = []

    def collect(event: WorkerEvent) -> None:
        if isinstance(event, PictureReady):
            flat = np.frombuffer(event.data, np.uint8)
            pictures[event.job_id] = flat.reshape(event.height, event.width, 3)
        elif isinstance(event, JobEnded) and event.state != "done":
            failures.append(f"{event.job_id}: {event.error}")

    residency = Residency(lambda _: model, budget_bytes=2 * model.bytes, on_loaded=lambda _: None)
    with residency.use(model.checkpoint):
        engine = Engine(residency, collect, EngineOptions(preview_seconds=math.inf))
        for i, request in enumerate(requests):
            engine.start(
                RunJob(
                    job_id=JobId(str(i)),
                    request=request,
                    checkpoint=model.checkpoint,
                    images={name: files[name] for name in request.images},
                    adapters=tuple(a for a in adapters if a.id in request.adapters),
                    skip=(),
                )
            )
        while engine.tick():
            pass
    if failures:
        raise JobFailed(
            f"{len(failures)} of {len(requests)} pictures failed; the first: {failures[0]}"
        )
    return [pictures[str(i)] for i in range(len(requests))]


def seconds_alone(
    model: LoadedModel,
    request: GenerationRequest,
    supplies: Supplies | None = None,
    times: int = 3,
) -> float:
    """Seconds that one picture takes with nothing beside it and the model warm, a median."""
    draw(model, [request], supplies)
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        draw(model, [request], supplies)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def load_folder(folder: Path, model: ModelId) -> LoadedModel:
    """Load a model's folder as the worker does.

    Raises:
        NotAModel: no family knows it.
        BrokenModel: its files are damaged.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return load_model(describe_folder(folder, model), device)
