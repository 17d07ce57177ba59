"""Rows that need a GPU: many users of one model, and how much of the card a large model uses."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from tests.bench.against_diffusers import FOLDER, denoise, requests
from tests.bench.gpu_room import room_rows
from tests.bench.shapes import SD15, SDXL, of_shape, random_unet
from tests.bench.table import Row
from webui.contracts.ids import ModelId
from webui.contracts.request import GenerationRequest
from webui.engine.acceleration import Acceleration, accelerate
from webui.engine.model import LoadedModel
from webui.training.evaluation.drawing import Supplies, draw, load_folder

USERS = (1, 2, 4, 8, 16)
USER_STEPS, XL_STEPS = 20, 30
MATRIX, TURNS = 8192, 20
LIVE_SIDE = 128
KINDS = {
    "eager": Acceleration(),
    "with CUDA graphs": Acceleration(graphs=True),
    "compiled": Acceleration(compile=True),
    "compiled, with CUDA graphs": Acceleration(compile=True, graphs=True),
}
GOAL = 3.0


def gpu_rows() -> Iterator[Row]:
    """Measured where there is a GPU; else none. Each is told as soon as it is known."""
    if torch.cuda.is_available():
        yield live_row()
        yield from _crowd_rows()
        yield from _large_rows()
        yield from room_rows()


def live_row() -> Row:
    """The engine's part of the live tab: an order for a picture over what was painted, until its pixels are there."""
    model = load_folder(FOLDER.parent / "turbo", ModelId("starter/turbo"))
    painted = np.zeros((LIVE_SIDE, LIVE_SIDE, 3), np.uint8)
    painted[LIVE_SIDE // 2 :] = (40, 90, 160)
    with tempfile.TemporaryDirectory() as folder:
        supplies = Supplies(Path(folder))
        fields = {"prompt": "a lake", "seed": 1, "width": LIVE_SIDE, "height": LIVE_SIDE}
        own = dict(model.checkpoint.defaults)  # its few steps, as the tab takes them
        order = GenerationRequest.model_validate({**own, **fields, "image": supplies.keep(painted)})
        seconds = _seconds(lambda: draw(model, [order], supplies), rounds=10)
    what = (
        f"live: from the order to its picture in the engine, starter/turbo, {LIVE_SIDE}x{LIVE_SIDE}"
    )
    return Row(what, f"{1e3 * seconds:.0f} ms", "1.0 s", seconds <= 1)


def _crowd_title(users: int) -> str:
    return (
        f"SD 1.5 shape, 512x512, {USER_STEPS} steps: throughput at {users} users over one at a time"
    )


def _large_title(kind: str) -> str:
    return (
        f"SDXL shape, 1024x1024, {XL_STEPS} steps, {kind}: seconds, share of the card's bf16 rate"
    )


def _crowd_rows() -> Iterator[Row]:
    model = _model("sd15-shape", SD15, torch.float16, 512)
    alone = _seconds(lambda: denoise(model, requests(1, USER_STEPS, width=512, height=512)))
    for users in USERS:
        orders = [r for r in requests(8, USER_STEPS, width=512, height=512) for _ in range(2)]
        together = _seconds(lambda o=orders[:users]: denoise(model, o))  # type: ignore[misc]
        gain = users * alone / together
        yield Row(
            _crowd_title(users),
            f"{gain:.2f} ({users / together:.2f} pictures a second)",
            f"{GOAL:g}" if users == 8 else "",
            gain >= GOAL if users == 8 else None,
        )


def _large_rows() -> Iterator[Row]:
    plain = _model("sdxl-shape", SDXL, torch.bfloat16, 1024)
    operations, rate = _operations(plain), _matrix_rate()
    for kind, options in KINDS.items():
        model = accelerate(plain, options)
        seconds = _seconds(
            lambda m=model: denoise(m, requests(1, XL_STEPS, width=1024, height=1024))  # type: ignore[misc]
        )
        share = operations * XL_STEPS / seconds / rate
        yield Row(_large_title(kind), f"{seconds:.2f} s, {share:.0%}", "", None)


def _model(name: str, config: dict[str, object], dtype: torch.dtype, size: int) -> LoadedModel:
    unet = random_unet(config, torch.device("cuda"), dtype).to(memory_format=torch.channels_last)
    return of_shape(name, config, unet, load_folder(FOLDER, ModelId("starter/text")), size)


def _seconds(run: Callable[[], object], rounds: int = 3) -> float:
    run()  # libraries choose, networks are compiled and recorded
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _operations(model: LoadedModel) -> float:
    """Floating-point operations of one step with guidance, counted by torch."""
    from torch.utils.flop_counter import FlopCounterMode

    shape = (2, *model.latent_shape(1024, 1024)[1:])
    x = torch.randn(shape, device=model.device, dtype=model.dtype)
    tokens = torch.randn(2, 77, 2048, device=model.device, dtype=model.dtype)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model.unet(x, 500.0, tokens)
    return float(counter.get_total_flops())


def _matrix_rate() -> float:
    """bf16 operations a second in a large product of matrices."""
    a = torch.randn(MATRIX, MATRIX, device="cuda", dtype=torch.bfloat16)

    def multiply() -> None:
        for _ in range(TURNS):
            a @ a
        torch.cuda.synchronize()

    return 2 * MATRIX**3 * TURNS / _seconds(multiply)
