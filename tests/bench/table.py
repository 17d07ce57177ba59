"""Lines of the table of benchmarks, and how repeated measurements are taken."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import psutil


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    goal: str
    met: bool | None
    """None where there is no goal, or it was not measured."""


NOTES = """\
What is compared with diffusers is its `StableDiffusionPipeline` with `DPMSolverMultistepScheduler` (Karras), as it comes
from `from_pretrained`: the same weights in float32, the same steps, guidance and size. On the starter the whole picture
counts; on the SD 1.5 shape, whose weights are random, the denoising alone. Bookkeeping is a step's time in the engine
whose network answers at once.

DeepCache and token merging are off unless a request asks for them (`deep_cache_interval`, `token_merging_ratio`); the
distance is that of the same request with and without, 20 steps. So are eight bits (`eight_bits`), where the processor has
VNNI; elsewhere these rows are the exact ones.

With `--bfloat16` networks run in bfloat16 where the processor multiplies in it; this one does, where these rows differ from
the exact ones. Diffusers' pipeline is always in float32.

Without a GPU `--compile` and `--cuda-graphs` change nothing: their code is tested with a compiler and a recorder that
run on a CPU, and with a real CUDA graph in the tests marked `gpu`.
"""


def interleaved(rounds: int, runs: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Seconds of each run in each round: one after another, so that a slow moment slows all.

    One more round comes first and does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if turn > 0:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def ratio_row(what: str, mine: Sequence[float], theirs: Sequence[float], goal: float) -> Row:
    """How much of their time ours is: the median over the rounds."""
    ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
    seconds = f"{statistics.median(mine):.2f} s over {statistics.median(theirs):.2f} s"
    return Row(what, f"{ratio:.2f} ({seconds})", f"{goal:g}", ratio <= goal)


def as_markdown(rows: Sequence[Row], device: str, on_a_gpu: str = "") -> str:
    """The page that is written.

    Args:
        rows: Of the table.
        device: Of this machine.
        on_a_gpu: What was measured on another machine, in Markdown; goes to the end as it is.
    """
    memory = psutil.virtual_memory().total / (1 << 30)
    lines = [
        "# Benchmarks",
        "",
        f"Measured {date.today().isoformat()} by `python launch.py bench` on {psutil.cpu_count()} processor cores",
        f"({platform.machine()}), {memory:.0f} GB, {device}, Python {platform.python_version()}. Medians of repeated runs; what is",
        "compared runs in turn. A ratio is a share of the other's time: below 1 is faster.",
        "",
        as_table(rows),
        NOTES + (f"\n{on_a_gpu}" if on_a_gpu else ""),
    ]
    return "\n".join(lines)


def as_table(rows: Sequence[Row]) -> str:
    """The rows alone, in Markdown."""
    verdict = {True: "yes", False: "no", None: ""}
    lines = [f"| {row.what} | {row.measured} | {row.goal} | {verdict[row.met]} |" for row in rows]
    return "\n".join(["| what | measured | goal | met |", "|---|---|---|---|", *lines]) + "\n"
