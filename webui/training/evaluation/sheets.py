"""Sheets of samples with fixed prompts and seeds: what a model draws, beside what it was given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from webui.engine.model import LoadedModel
from webui.training.evaluation.drawing import draw
from webui.training.evaluation.workbench import Workbench
from webui.training.runs import Pixels, picture_sheet

PROMPTS: tuple[str, ...] = (
    "a red house on the left, a green meadow with mountains at sunset",
    "two white boats in the centre, a calm lake at night, a full moon",
    "a purple balloon in the middle, sand dunes during the day",
    "three pines on the right, a snowy field with mountains at dawn",
    "a watercolour of a blue house on the right, a tree to the left, a meadow in daylight",
    "a watercolour of two yellow balloons on the left, the sea at sunrise",
    "a pencil drawing of a pine on the left, a lake by day, clouds",
    "a pencil sketch of a house in the centre, a desert at dusk",
    "pixel art of an orange boat on the right, the sea at sunset",
    "pixel art of pink flowers in the middle, a meadow by day, two clouds",
    "a neon night scene with a green house on the left, a lake",
    "a neon night scene with two trees on the right, a desert, a crescent moon",
)
"""Seed i is prompt i's."""
COLUMNS = 6

Shown = tuple[str, str]
"""File name in docs/images, and what it shows."""


def prompt_sheet(bench: Workbench, model: LoadedModel, name: str) -> Shown:
    """Draw the fixed prompts with a model that needs nothing else."""
    requests = [bench.request(model, prompt, seed) for seed, prompt in enumerate(PROMPTS)]
    sheet = picture_sheet(np.stack(draw(model, requests)), COLUMNS)
    return write_sheet(sheet, bench.images / f"starter-{name}.png", "; ".join(PROMPTS))


def row_sheet(bench: Workbench, name: str, rows: Sequence[tuple[str, Pixels]]) -> Shown:
    """Rows of up to six pictures (N, H, W, 3), all of one size, each row with what it is."""
    count = min(COLUMNS, *(len(pictures) for _, pictures in rows))
    sheet = picture_sheet(np.concatenate([pictures[:count] for _, pictures in rows]), count)
    shows = "Rows: " + ", ".join(what for what, _ in rows)
    return write_sheet(sheet, bench.images / f"starter-{name}.png", shows)


def write_sheet(sheet: Pixels, path: Path, shows: str) -> Shown:
    """Write a sheet as small a PNG as it gets; returns its name and what it shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path, optimize=True)
    return path.name, shows


def grey(maps: Pixels) -> Pixels:
    """Grey pictures (N, H, W) as RGB ones."""
    return np.repeat(maps[..., None], 3, axis=-1)
