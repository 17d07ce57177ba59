"""Scenes that nothing was trained on, with all that is true of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from webui.training.evaluation.metrics import ClassMap
from webui.training.runs import Pixels
from webui.training.scenes import UNSEEN_SEEDS
from webui.training.world import (
    Caption,
    Rendering,
    Scene,
    caption_facts,
    render,
    render_two_grounds,
    sample_scene,
    sample_two_grounds,
)

REFERENCE_OFFSET = 100_000
"""Seeds of the crowd that others are compared with; no prompt is taken from it."""
STYLE_OFFSET = 200_000
"""Seeds of the scenes whose style is forced."""


@dataclass(frozen=True)
class Unseen:
    """Scenes, captions that state facts of them, and their true drawings."""

    scenes: tuple[Scene, ...]
    captions: tuple[Caption, ...]
    drawn: tuple[Rendering, ...]

    def __len__(self) -> int:
        return len(self.scenes)

    @cached_property
    def pictures(self) -> Pixels:
        """The true pictures, (N, S, S, 3)."""
        return np.stack([rendering.image for rendering in self.drawn])

    @cached_property
    def class_maps(self) -> ClassMap:
        """The true class maps, (N, S, S)."""
        return np.stack([rendering.class_map for rendering in self.drawn])


@lru_cache(maxsize=4)
def unseen(count: int, size: int, offset: int = 0, style: str | None = None) -> Unseen:
    """The `count` unseen scenes from `offset` on, drawn `size` pixels wide and high; kept for a while.

    Args:
        count: How many.
        size: Side in pixels.
        offset: Of the first seed.
        style: Forced on all of them; else each scene has its own.
    """
    scenes = [sample_scene(UNSEEN_SEEDS + offset + i, style) for i in range(count)]
    return drawn_scenes(scenes, size)


def drawn_scenes(scenes: list[Scene], size: int) -> Unseen:
    """These scenes, each with the one caption that its seed gives."""
    captions = tuple(caption_facts(s, np.random.default_rng([s.seed, 7])) for s in scenes)
    return Unseen(tuple(scenes), captions, tuple(render(s, size, size) for s in scenes))


@lru_cache(maxsize=2)
def unseen_two_grounds(count: int, size: int) -> tuple[Rendering, ...]:
    """Unseen scenes with two grounds side by side, `size` pixels wide and high."""
    scenes = (sample_two_grounds(UNSEEN_SEEDS + i) for i in range(count))
    return tuple(render_two_grounds(scene, size, size) for scene in scenes)
