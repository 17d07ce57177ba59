"""Scenes drawn once and kept: pictures, where their things are, and the seeds that made them.

Drawing is cheap but not free (milliseconds a scene); a laptop that trains for an hour sees every
scene several times, so they are drawn once by worker processes into memory-mapped arrays.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from webui.training.runs import Pixels
from webui.training.world import CLASSES, render, sample_scene

CELL = 8
"""Side in pixels of one latent cell of an f=8 first stage."""

_THING_NAMES = {"tree", "pine", "house", "boat", "balloon", "flower"}
THING_CLASSES = np.array([c.name in _THING_NAMES for c in CLASSES])
"""Which class ids are foreground objects, (16,) bool."""

UNSEEN_SEEDS = 1_000_000_000
"""Seeds from here on are never trained on; evaluation draws from them."""


@dataclass(frozen=True)
class ScenePool:
    """`count` scenes of one size; scene i has seed `first_seed + i`."""

    pictures: Pixels
    """uint8 RGB (N, size, size, 3), memory-mapped."""
    things: NDArray[np.uint8]
    """uint8 (N, size/8, size/8): share of each cell that a foreground object covers, 0 to 255."""
    first_seed: int

    def __len__(self) -> int:
        return len(self.pictures)


def scene_pool(
    folder: Path, count: int, size: int, first_seed: int = 0, workers: int = 2
) -> ScenePool:
    """Open the pool in `folder`, drawing it first where it is missing or too small."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"scenes-{size}-{first_seed}-{count}"
    pictures_path, things_path = stem.with_suffix(".pictures.npy"), stem.with_suffix(".things.npy")
    if not things_path.exists():
        _draw(pictures_path, things_path, count, size, first_seed, workers)
    return ScenePool(
        np.load(pictures_path, mmap_mode="r"), np.load(things_path, mmap_mode="r"), first_seed
    )


def _draw(
    pictures_path: Path, things_path: Path, count: int, size: int, first: int, workers: int
) -> None:
    cells = size // CELL
    # Untyped in NumPy's own stubs, hence the explicit type.
    pictures: np.memmap[tuple[int, ...], np.dtype[np.uint8]] = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        pictures_path, "w+", np.uint8, (count, size, size, 3)
    )
    things = np.zeros((count, cells, cells), np.uint8)
    with ProcessPoolExecutor(workers) as pool:
        jobs = ((first + i, size) for i in range(count))
        for i, (picture, covered) in enumerate(pool.map(_draw_one, jobs, chunksize=64)):
            pictures[i], things[i] = picture, covered
    pictures.flush()
    np.save(things_path, things)  # last: its presence says that the pool is whole


def _draw_one(job: tuple[int, int]) -> tuple[Pixels, NDArray[np.uint8]]:
    cv2.setNumThreads(0)  # one process is one core here
    seed, size = job
    drawn = render(sample_scene(seed), size, size)
    foreground = THING_CLASSES[drawn.class_map].astype(np.float32)
    cells = size // CELL
    share = foreground.reshape(cells, CELL, cells, CELL).mean(axis=(1, 3))
    return drawn.image, np.round(share * 255).astype(np.uint8)
