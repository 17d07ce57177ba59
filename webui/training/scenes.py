"""Scenes with their truth: drawn once and kept, or drawn ever anew by worker processes.

A training sees a scene several times, so drawing (milliseconds) and encoding (more) are done once,
into memory-mapped arrays that all trainings share: a laptop has no time to draw more, and a GPU
eats thousands of scenes a second where a core draws seventy. With cores enough and hours, a stream
of new ones is there too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from webui.training.examples import Examples
from webui.training.runs import Pixels
from webui.training.streams import Stream, random_source
from webui.training.world import (
    CLASS_INDEX,
    CLASSES,
    caption_text,
    render,
    render_two_grounds,
    sample_scene,
    sample_two_grounds,
)

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

_KEPT = ("pictures", "class_maps", "depths", "things", "boxes", "captions")
"""Arrays of a pool, a file each."""
WORDINGS = 4
"""Captions that are kept of a scene, each in words of its own."""
CAPTION_BYTES = 320
"""Room for one; longer ones would be cut, and none is."""
CHUNK = 256
"""Scenes that a process draws at a time."""


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
    captions: NDArray[np.bytes_]
    """(N, WORDINGS), UTF-8."""
    first_seed: int
    folder: Path | None = field(default=None, compare=False)
    """Where the arrays are mapped from."""

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        """Random scenes, each with one of its captions."""
        return self.take(rng.integers(len(self), size=count), rng)

    def take(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> Examples:
        """These scenes, by their index in the pool, each with one of its captions."""
        said = self.captions[chosen, rng.integers(self.captions.shape[1], size=len(chosen))]
        gather = {n: partial(self._rows, n, chosen) for n in _KEPT if n != "captions"}
        return Examples(captions=tuple(s.decode() for s in said), index=chosen, **gather)

    def _rows(self, name: str, chosen: NDArray[np.int64]) -> NDArray[Any]:
        rows: NDArray[Any] = np.asarray(getattr(self, name))[chosen]
        return rows

    def __reduce__(self) -> Any:
        """Other processes map the files themselves; a pool in memory travels whole."""
        if self.folder is not None:
            return _open_pool, (self.folder, self.first_seed)
        return ScenePool, (*(getattr(self, name) for name in _KEPT), self.first_seed)


@dataclass(frozen=True)
class _Truth:
    pictures: Pixels
    class_maps: NDArray[np.uint8]
    depths: NDArray[np.uint8]
    things: NDArray[np.uint8]
    boxes: NDArray[np.float32]


def draw_truth(seed: int, size: int, two_grounds: bool = False) -> _Truth:
    """One scene: picture, class map, depth, coverage and boxes, as a pool keeps them."""
    cv2.setNumThreads(0)  # one process is one core here
    drawn = (
        render_two_grounds(sample_two_grounds(seed), size, size)
        if two_grounds
        else render(sample_scene(seed), size, size)
    )
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


def word_captions(seed: int, two_grounds: bool = False) -> NDArray[np.bytes_]:
    """The captions that are kept of a scene, (WORDINGS,); none has words for two grounds."""
    if two_grounds:
        return np.zeros(WORDINGS, f"S{CAPTION_BYTES}")
    rng = np.random.default_rng([seed, 5])
    return np.array(
        [caption_text(seed, rng).encode() for _ in range(WORDINGS)], f"S{CAPTION_BYTES}"
    )


def pool_in_memory(seeds: range, size: int) -> ScenePool:
    """A few scenes of consecutive seeds, without files."""
    truths = [draw_truth(seed, size) for seed in seeds]
    return ScenePool(
        pictures=np.stack([truth.pictures for truth in truths]),
        class_maps=np.stack([truth.class_maps for truth in truths]),
        depths=np.stack([truth.depths for truth in truths]),
        things=np.stack([truth.things for truth in truths]),
        boxes=np.stack([truth.boxes for truth in truths]),
        captions=np.stack([word_captions(seed) for seed in seeds]),
        first_seed=seeds.start,
    )


def scene_pool(
    folder: Path,
    count: int,
    size: int,
    first_seed: int = 0,
    workers: int | None = None,
    two_grounds: bool = False,
) -> ScenePool:
    """Open the pool in `folder`, drawing it first where it is missing or unfinished.

    Args:
        folder: Of all pools.
        count: Scenes.
        size: Side in pixels.
        first_seed: Of scene 0.
        workers: Processes that draw; None takes one a core.
        two_grounds: Whether each scene has two grounds side by side; their captions are empty.
    """
    where = folder / f"{size}-{first_seed}-{count}{'-two-grounds' * two_grounds}"
    if not (where / "whole.json").exists():
        drawn = partial(_draw_part, where, size, first_seed, two_grounds)
        _draw(where, count, size, drawn, workers or os.cpu_count() or 1)
    return _open_pool(where, first_seed)


@contextmanager
def ahead(draw: Callable[..., ScenePool], wanted: bool) -> Iterator[None]:
    """Draw a pool on idle cores while the block trains on a device; waits for it in the end."""
    if not wanted:
        yield
        return
    spare = max(1, (os.cpu_count() or 1) - 2)
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_step_back) as beside:
        drawn = beside.submit(draw, workers=spare)
        yield
        drawn.result()


def _step_back() -> None:
    """Let the training go first where both want a core; drawing processes inherit it."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(10)


def _open_pool(where: Path, first_seed: int) -> ScenePool:
    arrays = {name: np.load(where / f"{name}.npy", mmap_mode="r") for name in _KEPT}
    return ScenePool(**arrays, first_seed=first_seed, folder=where)


def _draw(
    where: Path, count: int, size: int, draw_part: Callable[[range], None], workers: int
) -> None:
    where.mkdir(parents=True, exist_ok=True)
    for name in _KEPT:
        _make(where / f"{name}.npy", name, count, size)
    parts = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    if min(workers, len(parts)) == 1:  # another process would only cost its start
        list(map(draw_part, parts))
    else:
        with ProcessPoolExecutor(min(workers, len(parts))) as pool:
            list(pool.map(draw_part, parts))
    # Last: its presence says that the pool is whole.
    (where / "whole.json").write_text(json.dumps({"count": count, "size": size}))


def _draw_part(where: Path, size: int, first: int, two_grounds: bool, part: range) -> None:
    """Draw some scenes straight into the files: they are far larger than what pipes carry well."""
    arrays = {name: np.load(where / f"{name}.npy", mmap_mode="r+") for name in _KEPT}
    for i in part:
        truth = draw_truth(first + i, size, two_grounds)
        said = word_captions(first + i, two_grounds)
        for name, array in arrays.items():
            array[i] = said if name == "captions" else getattr(truth, name)
    for array in arrays.values():
        array.flush()


def _make(file: Path, name: str, count: int, size: int) -> None:
    shapes: dict[str, tuple[int, ...]] = {
        "pictures": (size, size, 3),
        "class_maps": (size, size),
        "depths": (size // DEPTH_CELL, size // DEPTH_CELL),
        "things": (size // CELL, size // CELL),
        "boxes": (MAX_BOXES, 5),
        "captions": (WORDINGS,),
    }
    kinds: dict[str, Any] = {"boxes": np.float32, "captions": f"S{CAPTION_BYTES}"}
    # Untyped in NumPy's own stubs.
    np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        file, "w+", kinds.get(name, np.uint8), (count, *shapes[name])
    )


class SceneStream:
    """Endless new scenes, drawn on the fly by worker processes."""

    def __init__(self, size: int, batch: int, first_seed: int, workers: int) -> None:
        """Every `draw` gives `batch` scenes of `size` pixels; seeds count up from `first_seed`."""
        self._batch = batch
        self._batches = Stream(partial(_draw_batch, size, batch, first_seed), workers)

    def draw(self, count: int, rng: np.random.Generator) -> Examples:  # noqa: ARG002  (a Source's)
        """The next batch.

        Raises:
            ValueError: another count is asked for than the stream was made for.
        """
        if count != self._batch:
            raise ValueError(f"The stream gives {self._batch} scenes at a time, not {count}.")
        return next(self._batches)


def _draw_batch(size: int, batch: int, first_seed: int, number: int) -> Examples:
    start = (first_seed + number * batch) % (UNSEEN_SEEDS - batch)
    pool = pool_in_memory(range(start, start + batch), size)
    return pool.take(np.arange(batch), random_source(number, 11))
