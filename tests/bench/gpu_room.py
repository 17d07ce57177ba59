"""SDXL at its full size on a GPU with little free memory: which way it is loaded, how long a picture takes, what it needs."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from tests.bench.ends import Ends
from tests.bench.random_file import write_random
from tests.bench.table import Row
from tests.weights.ldm_layout import xl_shapes
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import JobId, ModelId
from webui.contracts.messages import RunJob
from webui.contracts.request import GenerationRequest
from webui.engine.acceleration import Acceleration
from webui.engine.devices import choose_device
from webui.engine.engine import Engine, EngineOptions
from webui.engine.extensions import WorkerExtensions
from webui.engine.families.registry import import_families
from webui.engine.memory import free_bytes, release_memory
from webui.engine.model import LoadedModel
from webui.engine.packed.layers import PackedConv2d, PackedLinear
from webui.engine.residency import Residency
from webui.engine.shared_networks import SharedNetworks
from webui.engine.ways import Ways
from webui.services.single_file import describe_file

GIB = 2**30
ROOMS = (24, 8, 6, 4)
"""GiB of the GPU that are free; the rest is taken, as another program would."""
SIDE, STEPS = 1024, 10


def room_rows() -> Iterator[Row]:
    """One for each size of a card."""
    import_families()
    with tempfile.TemporaryDirectory() as folder:
        file = write_random(Path(folder) / "xl.safetensors", xl_shapes())
        checkpoint = describe_file(file, ModelId("xl"))
        assert checkpoint is not None
        for room in ROOMS:
            yield _room_row(checkpoint, room)


def _room_row(checkpoint: CheckpointInfo, room: int) -> Row:
    what = (
        f"SDXL, random weights, a file of {checkpoint.bytes / 1e9:.1f} GB, {room} GiB of the GPU free, "
        f"{SIDE}x{SIDE}, {STEPS} steps"
    )
    with _taken_but(room * GIB) as taken:
        try:
            return Row(what, _measured(checkpoint, room * GIB, taken), "", None)
        except Exception as error:  # noqa: BLE001 - said in the table
            return Row(what, f"{type(error).__name__}: {error}", "", None)


@contextmanager
def _taken_but(room: int) -> Iterator[int]:
    """Bytes that are held of the card, so that `room` is free."""
    release_memory()
    ballast = torch.empty(
        max(free_bytes(torch.device("cuda")) - room, 0), dtype=torch.uint8, device="cuda"
    )
    yield ballast.nbytes
    del ballast


def _measured(checkpoint: CheckpointInfo, room: int, taken: int) -> str:
    extensions, shared = WorkerExtensions(), SharedNetworks()
    device = replace(choose_device(cpu=False, budget_bytes=room * 7 // 10), working_bytes=room // 4)
    ways = Ways(device, shared, Acceleration(), lambda: extensions)
    residency = Residency(
        ways.loaders,
        device.budget_bytes,
        lambda _: None,
        device.bytes_per_weight,
        lambda: free_bytes(device.torch),
        shared,
    )
    torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    with residency.use(checkpoint) as model:
        torch.cuda.synchronize()
        loaded = time.perf_counter() - started
        engine = EngineOptions(limits=device.limits, preview_seconds=math.inf)
        first, second = (_seconds(residency, checkpoint, engine, seed) for seed in range(2))
        most = torch.cuda.max_memory_allocated() - taken
        way = _way_of(model)
    return f"{way}: loaded in {loaded:.1f} s, a picture {second:.1f} s (the first {first:.1f} s), at most {most / GIB:.1f} GiB"


def _seconds(
    residency: Residency, checkpoint: CheckpointInfo, options: EngineOptions, seed: int
) -> float:
    ends = Ends()
    engine = Engine(residency, ends, options)
    request = GenerationRequest(
        prompt=f"a red house, number {seed}", seed=seed, steps=STEPS, width=SIDE, height=SIDE
    )
    started = time.perf_counter()
    engine.start(RunJob(JobId("one"), request, checkpoint, {}, (), ()))
    while engine.tick() or engine.is_busy:
        pass
    ends.check()
    return time.perf_counter() - started


def _way_of(model: LoadedModel) -> str:
    if model.apart is not None:
        return "text encoders and the rest in turn"
    packed = any(isinstance(m, (PackedLinear, PackedConv2d)) for m in model.unet.modules())
    return "streamed" if packed else "whole"
