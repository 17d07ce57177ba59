"""A model of two gigabytes from a cold disk, the way back to a model that is in memory, and a LoRA whose weight changes."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.bench.random_file import write_random
from tests.bench.shapes import SD15, TOKENS, random_unet
from tests.bench.table import Row, interleaved, ratio_row
from tests.studio import REPOSITORY, Studio, seconds_until, started_studio
from tests.weights.ldm_layout import sd1_shapes
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import AdapterId, ModelId
from webui.contracts.lora_keys import UNET
from webui.engine.adapters.dialects.low_rank import LowRank
from webui.engine.adapters.lora import LoadedLora
from webui.engine.adapters.merging import MergedWeights
from webui.engine.families.registry import import_families, load_model
from webui.engine.model import LoadedModel
from webui.engine.packed.on_processor import quicken
from webui.services.single_file import describe_file

ROUNDS, SWITCHES = 3, 12
RANK, LORA_SIDE = 32, 64
SHARE, MOST_MILLISECONDS = 0.8, 50
MEMORY_SWITCHES, FLOAT32_OVER_FILE = 20, 2
SETTLES = 20
"""Readings of the worker's memory, a quarter of a second apart, until two are the same."""
CHUNK = 1 << 24
SIDE = 16
"""Latent cells of the first step."""


def loading_rows() -> list[Row]:
    """All of them."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [*file_rows(Path(folder)), lora_row()]
    with tempfile.TemporaryDirectory() as folder, started_studio(Path(folder)) as studio:
        seconds_until(studio, "/api/v1/health", b'"ok"')
        rows.append(switching_row(studio))
    with tempfile.TemporaryDirectory() as folder:
        return [*rows, memory_row(Path(folder))]


def file_rows(folder: Path, rounds: int = ROUNDS) -> list[Row]:
    """The shape of Stable Diffusion 1.5 in half precision: its load against a plain read of its file.

    A load is over when the model can be used and all of its file is in memory, which is read in the background.
    """
    import_families()
    checkpoint = describe_file(
        write_random(folder / "sd15.safetensors", sd1_shapes()), ModelId("sd15")
    )
    assert checkpoint is not None
    file, models = Path(checkpoint.path), list[LoadedModel]()
    cold = _cold(file)
    steps: list[float] = []

    def load() -> None:
        cold()
        models[:] = [load_model(checkpoint, torch.device("cpu"))]
        _read(file)

    def read() -> None:
        cold()
        _read(file)

    def forget() -> None:
        steps.append(_first_step(models.pop()))

    seconds = interleaved(rounds, {"read": read, "load": load, "forget": forget})
    pairs = zip(seconds["read"], seconds["load"], strict=True)
    share = statistics.median(read / load for read, load in pairs)
    times = f"{statistics.median(seconds['load']):.2f} s, a plain read {statistics.median(seconds['read']):.2f} s"
    size = f"{checkpoint.bytes / 1e9:.1f} GB"
    return [
        Row(f"load of a file of {size}, SD 1.5 shape in fp16, not in the system's cache: share of the disk's speed",
            f"{share:.2f} ({times})", f"{SHARE:g}", share >= SHARE),
        Row("first step of such a model, whose weights are opened as they are reached, 128x128",
            f"{statistics.median(steps[1:]):.2f} s, the second {_first_step(load_once(checkpoint), 2):.2f} s", "", None),
    ]  # fmt: skip


def load_once(checkpoint: CheckpointInfo) -> LoadedModel:
    """The model, from the system's cache."""
    return load_model(checkpoint, torch.device("cpu"))


def lora_row(rounds: int = ROUNDS) -> Row:
    """Another weight of a LoRA of all attentions and MLPs, against a step that it is for."""
    unet = random_unet(SD15, torch.device("cpu"), torch.float32)
    quicken(unet)
    merged, lora = MergedWeights(), _lora(unet)
    weights = iter(range(1, 1000))
    x, tokens = torch.zeros(1, 4, LORA_SIDE, LORA_SIDE), torch.zeros(1, TOKENS, 768)

    def change() -> None:
        merged.use(UNET, unet, ((lora, next(weights) / 1000),))

    def step() -> None:
        with torch.inference_mode():
            unet(x, torch.tensor([500.0]), encoder_hidden_states=tokens)

    seconds = interleaved(rounds, {"change": change, "step": step})
    what = f"another weight of a LoRA of rank {RANK}, over a denoising step without guidance, SD 1.5 shape, 512x512"
    return ratio_row(what, seconds["change"], seconds["step"], 1.0)


def _lora(unet: Any) -> LoadedLora:
    generator = torch.Generator().manual_seed(1)
    changes: dict[tuple[str, str], Any] = {}
    for name, layer in unet.named_modules():
        if isinstance(layer, torch.nn.Linear) and "transformer_blocks" in name:
            down = torch.randn(RANK, layer.in_features, generator=generator)
            up = 1e-4 * torch.randn(layer.out_features, RANK, generator=generator)
            changes[UNET, name.replace(".", "_")] = LowRank(down, up, 1.0)
    info = AdapterInfo(AdapterId("bench"), "lora", "bench", "", 0)
    return LoadedLora(info, changes, 0)


def switching_row(studio: Studio, switches: int = SWITCHES) -> Row:
    """How much longer a short job takes after another model's than after its own, both in memory."""

    def job(model: str) -> float:
        started = time.perf_counter()
        fields: dict[str, Any] = {"steps": 1, "width": 64, "height": 64, "seed": 1}
        studio.wait(studio.submit(prompt="a red house", model=model, guidance_scale=1.0, **fields))
        return time.perf_counter() - started

    own, other = "starter/turbo", "starter/text"
    for model in (own, other):
        job(model)
    longer = []
    for _ in range(switches):
        job(own)
        alone = job(own)
        job(other)
        longer.append(job(own) - alone)
    milliseconds = 1e3 * statistics.median(longer)
    return Row(
        "switching back to a model that is in memory: what a job waits longer",
        f"{milliseconds:.0f} ms",
        f"{MOST_MILLISECONDS} ms",
        milliseconds <= MOST_MILLISECONDS,
    )


def memory_row(folder: Path) -> Row:
    """Memory of a worker after each switch between three checkpoints, of which its budget holds one and a half.

    It is read once it stands still: an order that follows at once is served while the worker still frees what the last
    one had, which is 13 MB more or less by chance.
    """
    text = REPOSITORY / "models" / "starter" / "text"
    names = ("first", "second", "third")
    for name in names:
        shutil.copytree(text, folder / "models" / name)
    weights = sum(file.stat().st_size for file in text.rglob("*.safetensors"))
    with started_studio(folder, "--cpu") as studio:
        seconds_until(studio, "/api/v1/health", b'"ok"')
        studio.prefer("memory_gib", 1.5 * FLOAT32_OVER_FILE * weights / 2**30)
        after = []
        for turn in range(3 + MEMORY_SWITCHES):
            model = names[turn % 3]
            order: dict[str, Any] = {"steps": 1, "width": 128, "height": 128, "seed": turn}
            studio.wait(studio.submit(prompt="a red house", model=model, **order))
            after.append(_settled(studio))
    first, later = max(after[:3]), after[-1]
    grows = statistics.linear_regression(range(len(after)), after).slope / 1e6
    return Row(
        f"memory of the worker after {MEMORY_SWITCHES} switches between three checkpoints, of which one fits, over that after the first three",
        f"{later / first:.2f} ({later / 1e6:.0f} MB over {first / 1e6:.0f} MB; {grows:+.2f} MB a switch)",
        "1",
        later <= first,
    )


def _settled(studio: Studio) -> int:
    """Memory of the worker, once two readings are the same."""
    before = -1
    for _ in range(SETTLES):
        now = studio.resident_bytes()[1]
        if now == before:
            break
        before = now
        time.sleep(0.25)
    return before


def _first_step(model: LoadedModel, count: int = 1) -> float:
    """Seconds of the last of so many evaluations of the network."""
    x, tokens = torch.zeros(1, 4, SIDE, SIDE), torch.zeros(1, TOKENS, 768)
    seconds = 0.0
    with torch.inference_mode():
        for _ in range(count):
            started = time.perf_counter()
            model.unet(x, torch.tensor([500.0]), encoder_hidden_states=tokens)
            seconds = time.perf_counter() - started
    return seconds


def _cold(file: Path) -> Callable[[], None]:
    """What takes a file out of the system's cache, where it lets itself be told so."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())

    def cold() -> None:
        if hasattr(os, "posix_fadvise"):
            with file.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    return cold


def _read(file: Path) -> None:
    buffer = bytearray(CHUNK)
    with file.open("rb", buffering=0) as stream:
        while stream.readinto(buffer):
            pass
