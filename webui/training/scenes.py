"""Scenes with their truth: drawn once and kept for a laptop, or drawn anew by worker processes.

A laptop that trains for an hour sees a scene several times, so drawing (milliseconds) and encoding
(more) are done once, into memory-mapped arrays. A GPU eats scenes faster than it pays to keep them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from webui.training.examples import Examples
from webui.training.runs import Pixels
from webui.training.text import caption_text
from webui.training.world import CLASS_INDEX, CLASSES, render, sample_scene

CELL = 8
"""Side in pixels of one latent cell of an f=8 first stage."""
DEPTH_CELL = 4
"""Side in pixels of one value of the kept depth maps."""
MAX_BOXES = 16

_THING_NAMES = {"tree", "pine", "house", "boat", "balloon", "flower"}
THING_CLASSES = np.array([c.name in _THING_NAMES for c in CLASSES])
"""Which class ids are foreground objects, (16,) bool."""

UNSEEN_SEEDS = 1_000_000_000
"""Seeds from here on are never trained on; evaluation draws from them."""

_KEPT = ("pictures", "class_maps", "depths", "things", "boxes")
"""Arrays of a pool, a file each."""


@dataclass(frozen=True)
class ScenePool:
    """`count` scenes of one size; scene i has seed `first_seed + i`. Arrays are memory-mapped."""

    pictures: Pixels
    """RGB uint8 (N, S, S, 3)."""
    class_maps: NDArray[np.uint8]
    """Class ids (N, S, S)."""
    depths: NDArray[np.uint8]
    """(N, S/4, S/4): 255 near, 0 far."""
    things: NDArray[np.uint8]
    """(N, S/8, S/8): share of each cell that a foreground object covers, 0 to 255."""
    boxes: NDArray[np.float32]
    """(N, 16, 5): class id, then left, top, right, bottom in fractions; class -1 where none."""
    first_seed: int

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        """Random scenes with captions in new words."""
        return self.take(rng.integers(len(self), size=count), rng)

    def take(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> Examples:
        """These scenes, by their index in the pool, with captions in new words."""
        return Examples(
            pictures=self.pictures[chosen],
            captions=tuple(caption_text(self.first_seed + int(i), rng) for i in chosen),
            class_maps=self.class_maps[chosen],
            depths=self.depths[chosen],
            things=self.things[chosen],
            boxes=self.boxes[chosen],
            index=chosen,
        )


@dataclass(frozen=True)
class _Truth:
    pictures: Pixels
    class_maps: NDArray[np.uint8]
    depths: NDArray[np.uint8]
    things: NDArray[np.uint8]
    boxes: NDArray[np.float32]


def draw_truth(seed: int, size: int) -> _Truth:
    """One scene: picture, class map, depth, coverage and boxes, as a pool keeps them."""
    cv2.setNumThreads(0)  # one process is one core here
    drawn = render(sample_scene(seed), size, size)
    foreground = THING_CLASSES[drawn.class_map].astype(np.float32)
    boxes = np.full((MAX_BOXES, 5), -1, np.float32)
    for i, box in enumerate(drawn.boxes[-MAX_BOXES:]):
        boxes[i] = (CLASS_INDEX[box.name], box.x0, box.y0, box.x1, box.y1)
    near = _cells(255 * (1 - drawn.depth), DEPTH_CELL)
    return _Truth(drawn.image, drawn.class_map, near, _cells(255 * foreground, CELL), boxes)


def _cells(values: NDArray[np.float32], cell: int) -> NDArray[np.uint8]:
    height, width = values.shape
    mean = values.reshape(height // cell, cell, width // cell, cell).mean(axis=(1, 3))
    rounded: NDArray[np.uint8] = np.round(mean).clip(0, 255).astype(np.uint8)
    return rounded


def scene_pool(
    folder: Path, count: int, size: int, first_seed: int = 0, workers: int = 2
) -> ScenePool:
    """Open the pool in `folder`, drawing it first where it is missing or unfinished."""
    where = folder / f"{size}-{first_seed}-{count}"
    if not (where / "whole.json").exists():
        _draw(where, count, size, first_seed, workers)
    arrays = {name: np.load(where / f"{name}.npy", mmap_mode="r") for name in _KEPT}
    return ScenePool(**arrays, first_seed=first_seed)


def _draw(where: Path, count: int, size: int, first: int, workers: int) -> None:
    where.mkdir(parents=True, exist_ok=True)
    arrays = {name: _open(where / f"{name}.npy", name, count, size) for name in _KEPT}
    with ProcessPoolExecutor(workers) as pool:
        seeds, sizes = (first + i for i in range(count)), (size for _ in range(count))
        for i, truth in enumerate(pool.map(draw_truth, seeds, sizes, chunksize=64)):
            for name, array in arrays.items():
                array[i] = getattr(truth, name)
    for array in arrays.values():
        array.flush()
    # Last: its presence says that the pool is whole.
    (where / "whole.json").write_text(json.dumps({"count": count, "size": size}))


def _open(file: Path, name: str, count: int, size: int) -> np.memmap[Any, np.dtype[Any]]:
    shapes = {
        "pictures": (size, size, 3),
        "class_maps": (size, size),
        "depths": (size // DEPTH_CELL, size // DEPTH_CELL),
        "things": (size // CELL, size // CELL),
        "boxes": (MAX_BOXES, 5),
    }
    kind = np.float32 if name == "boxes" else np.uint8
    # Untyped in NumPy's own stubs.
    array: np.memmap[Any, np.dtype[Any]] = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        file, "w+", kind, (count, *shapes[name])
    )
    return array


class SceneStream:
    """Endless new scenes, drawn on the fly by worker processes; what a GPU recipe trains on."""

    def __init__(self, size: int, batch: int, first_seed: int, workers: int) -> None:
        """Every `draw` gives `batch` scenes of `size` pixels; seeds count up from `first_seed`."""
        self._batch = batch
        loader = DataLoader(
            _Drawn(size, batch, first_seed),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            multiprocessing_context="spawn" if workers else None,
        )
        self._batches = iter(loader)

    def draw(self, count: int, rng: np.random.Generator) -> Examples:  # noqa: ARG002  (a Source's)
        """The next batch.

        Raises:
            ValueError: another count is asked for than the stream was made for.
        """
        if count != self._batch:
            raise ValueError(f"The stream gives {self._batch} scenes at a time, not {count}.")
        examples: Examples = next(self._batches)
        return examples


class _Drawn(IterableDataset[Examples]):
    def __init__(self, size: int, batch: int, first_seed: int) -> None:
        self.size, self.batch, self.first_seed = size, batch, first_seed

    def __iter__(self) -> Iterator[Examples]:
        torch.set_num_threads(1)
        worker = get_worker_info()
        number, step = (worker.id, worker.num_workers) if worker else (0, 1)
        while True:
            seeds = range(self.first_seed + number * self.batch, UNSEEN_SEEDS)[: self.batch]
            rng = np.random.default_rng([seeds[0], 11])
            truths = [draw_truth(seed, self.size) for seed in seeds]
            arrays = {name: np.stack([getattr(t, name) for t in truths]) for name in _KEPT}
            captions = tuple(caption_text(seed, rng) for seed in seeds)
            yield Examples(captions=captions, index=np.array(seeds), **arrays)
            number += step
