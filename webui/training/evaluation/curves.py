"""What guidance and steps do to a text model, as tables and as pictures of curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webui.engine.model import LoadedModel
from webui.training.evaluation.charts import write_chart
from webui.training.evaluation.figures import Table, compare
from webui.training.evaluation.measures import (
    all_facts_measure,
    fact_measures,
    frechet_measure,
)
from webui.training.evaluation.unseen import unseen
from webui.training.evaluation.workbench import Workbench

GUIDANCE_SCALES = (1.0, 3.0, 5.0, 7.5, 12.0)
STEPS = (4, 6, 8, 12, 20, 30, 50)
MOST_PROMPTS = 200
"""For each point of a curve."""
SHOWN = ("object", "colour", "count")
"""Sorts of facts that have a line of their own: those that react most."""

Picture = tuple[str, str]


def curves(bench: Workbench, model: LoadedModel) -> tuple[tuple[Table, ...], tuple[Picture, ...]]:
    """Tables of both curves, and their pictures: file in docs/images, what it shows."""
    scales = {f"{scale:g}": {"guidance_scale": scale} for scale in GUIDANCE_SCALES}
    steps = {str(count): {"steps": count} for count in STEPS}
    tables = (
        _curve(bench, model, "guidance scale", scales),
        _curve(bench, model, "steps", steps),
    )
    pictures = []
    for table, name in zip(tables, ("guidance", "steps"), strict=True):
        file = f"starter-{name}.png"
        write_chart(table, bench.images / file)
        pictures.append((file, f"Stated facts right and Frechet distance over the {table.title}"))
    return tables, tuple(pictures)


def _curve(
    bench: Workbench, model: LoadedModel, title: str, points: Mapping[str, Mapping[str, Any]]
) -> Table:
    """One column for each point, whose value is its heading."""
    size, count = model.checkpoint.native_width, min(bench.prompts, MOST_PROMPTS)
    asked = unseen(count, size)
    measures = [
        all_facts_measure(asked),
        *(m for m in fact_measures(asked) if m.what in SHOWN),
        frechet_measure(bench, size, count),
    ]
    subjects = {
        at: bench.look(bench.draw_captions(model, asked, **fields)) for at, fields in points.items()
    }
    return compare(title, measures, subjects)
