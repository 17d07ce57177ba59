"""A map of a megapixel: how long its picture takes, and the most memory that it needs meanwhile."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.table import Row
from tests.studio import Studio, seconds_until, started_studio

SIDE = 1024
MOST_SECONDS, MOST_BYTES = 240, 24 * 2**30


def megapixel_rows() -> list[Row]:
    """The semantic starter over 1024 x 1024 pixels, in overlapping windows."""
    with tempfile.TemporaryDirectory() as folder, started_studio(Path(folder)) as studio:
        seconds_until(studio, "/api/v1/health", b'"ok"')
        name = studio.upload(_bands(16))
        started = time.perf_counter()
        job = studio.submit(
            prompt="", model="starter/semantic", class_map=name, width=SIDE, height=SIDE
        )
        most = _most_bytes_until_done(studio, job)
        seconds = time.perf_counter() - started
    what = f"a semantic picture, {SIDE}x{SIDE}, the model's own steps, its load included"
    return [
        Row(what, f"{seconds:.0f} s", f"{MOST_SECONDS} s", seconds <= MOST_SECONDS),
        Row(
            f"memory of studio and worker meanwhile, {SIDE}x{SIDE}",
            f"{most / 2**30:.1f} GiB",
            "24 GiB",
            most < MOST_BYTES,
        ),
    ]


def _bands(classes: int) -> Image.Image:
    """A map in which every class has a band."""
    rows = np.arange(SIDE) * classes // SIDE
    return Image.fromarray(np.broadcast_to(rows[:, None], (SIDE, SIDE)).astype(np.uint8))


def _most_bytes_until_done(studio: Studio, job: str, seconds: float = 1200) -> int:
    """Polls the memory until the job is done.

    Raises:
        TimeoutError: it is not done in time.
        RuntimeError: it failed.
    """
    most, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        most = max(most, sum(studio.resident_bytes()))
        found = studio.get(f"/jobs/{job}")
        if found["state"] == "done":
            return most
        if found["state"] not in ("queued", "running"):
            raise RuntimeError(f"Job {job} ended as {found['state']}: {found['error']}")
        time.sleep(0.2)
    raise TimeoutError(f"Job {job} did not end within {seconds} s.")
