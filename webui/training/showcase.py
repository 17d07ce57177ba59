"""Scenes that no run has seen, on which a run shows what it draws by now."""

from __future__ import annotations

import numpy as np

from webui.training.examples import Examples
from webui.training.runs import Pixels, picture_sheet
from webui.training.scenes import UNSEEN_SEEDS, pool_in_memory

COLUMNS = 8


def unseen_examples(count: int, size: int) -> Examples:
    """The first unseen scenes of this size, all of their truth, and a caption each."""
    pool = pool_in_memory(range(UNSEEN_SEEDS, UNSEEN_SEEDS + count), size)
    # Without an index: it would name the kept latents of a pool's seen scenes.
    return pool.take(np.arange(count), np.random.default_rng(0)).without_index()


def paired_sheet(asked: Pixels, drawn: Pixels, columns: int = COLUMNS) -> Pixels:
    """Rows of what was asked for, (N, H, W, 3), each above the row of what was drawn."""
    rows = [
        part[start : start + columns]
        for start in range(0, len(asked), columns)
        for part in (asked, drawn)
    ]
    whole = [np.concatenate([r, _white(r, columns - len(r))]) for r in rows]
    return picture_sheet(np.concatenate(whole), columns)


def _white(like: Pixels, count: int) -> Pixels:
    return np.full((count, *like.shape[1:]), 255, np.uint8)
