"""Stable Diffusion 1.5 and XL at their full size, with random weights: one small picture, and the most memory it took."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import psutil

from tests.bench.random_file import write_random
from tests.bench.table import Row
from tests.studio import Studio, seconds_until, started_studio
from tests.weights.ldm_layout import Shapes, sd1_shapes, xl_shapes

MOST_BYTES = 24 * 10**9
NEEDED = 2.4
"""Free memory that it takes, over the file's size: less would only swap."""
SIDE, STEPS, SECONDS = 256, 2, 3600


@dataclass(frozen=True)
class Kind:
    """A model as it was published, in half precision."""

    title: str
    shapes: Callable[[], Shapes]


KINDS = (Kind("SD 1.5", sd1_shapes), Kind("SDXL", xl_shapes))


def full_size_rows() -> list[Row]:
    """Both; a sentence stands where there is no room for the file."""
    return [full_size_row(kind) for kind in KINDS]


def full_size_row(kind: Kind) -> Row:
    """Written, loaded by a real worker on the processor, and drawn with.

    Raises:
        RuntimeError: no picture came of it.
    """
    shapes = kind.shapes()
    size = sum(2 * prod(shape) for shape in shapes.values())
    what = (
        f"{kind.title}, random weights, a file of {size / 1e9:.1f} GB, loaded and {SIDE}x{SIDE} drawn in "
        f"{STEPS} steps on the processor: most memory of studio and worker"
    )
    with tempfile.TemporaryDirectory() as folder:
        free = shutil.disk_usage(folder).free
        if free < 1.1 * size:
            return Row(what, f"not measured: {free / 1e9:.1f} GB of disk are free", "24 GB", None)
        memory = psutil.virtual_memory().available
        if memory < NEEDED * size:
            return Row(
                what, f"not measured: {memory / 1e9:.1f} GB of memory are free", "24 GB", None
            )
        file = write_random(Path(folder) / "models" / "full.safetensors", shapes)
        with started_studio(Path(folder), "--cpu") as studio:
            seconds_until(studio, "/api/v1/health", b'"ok"', seconds=SECONDS)
            seconds = _draw(studio, file.name)
            most = sum(studio.peak_bytes())
    return Row(
        what,
        f"{most / 1e9:.1f} GB ({seconds:.0f} s from the order, the load included)",
        "24 GB",
        most <= MOST_BYTES,
    )


def _draw(studio: Studio, model: str) -> float:
    """Seconds from the order to its picture."""
    started = time.perf_counter()
    order = {"prompt": "a red house", "seed": 1, "steps": STEPS, "width": SIDE, "height": SIDE}
    job = studio.wait(studio.submit(model=model, **order), SECONDS)
    seconds = time.perf_counter() - started
    (picture,) = job["pictures"]
    if (picture["width"], picture["height"]) != (SIDE, SIDE):
        raise RuntimeError(f"The picture is {picture['width']} x {picture['height']} pixels.")
    return seconds
