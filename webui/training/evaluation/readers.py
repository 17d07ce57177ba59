"""The two readers themselves, on unseen rendered scenes: nothing they measure can be surer."""

from __future__ import annotations

import numpy as np

from webui.training.evaluation.figures import Figure, Section, Table, compare
from webui.training.evaluation.measures import all_facts_measure, fact_measures
from webui.training.evaluation.metrics import class_iou
from webui.training.evaluation.sheets import row_sheet
from webui.training.evaluation.unseen import REFERENCE_OFFSET, STYLE_OFFSET, unseen
from webui.training.evaluation.workbench import Workbench
from webui.training.reading import READ_SIZE
from webui.training.segmenter import colour_map
from webui.training.world import CLASSES, STYLES


def evaluate_readers(bench: Workbench) -> Section:
    """Measure the judge and the segmenter on scenes that no prompt is taken from."""
    asked = unseen(bench.prompts, READ_SIZE, REFERENCE_OFFSET)
    subjects = {
        "judge": bench.look(asked.pictures),
        "judge, on another scene's picture": bench.look(np.roll(asked.pictures, -1, axis=0)),
    }
    read = subjects["judge"].class_maps
    per_class = class_iou(read, asked.class_maps, len(CLASSES))
    occurs = [int((asked.class_maps == i).any(axis=(1, 2)).sum()) for i in range(len(CLASSES))]
    rows = [Figure("mean over the classes", "", (float(np.nanmean(per_class)),), len(asked))]
    rows += [
        Figure(entry.name, "", (float(iou),), count)
        for entry, iou, count in zip(CLASSES, per_class, occurs, strict=True)
    ]
    tables = (
        compare("stated fact", fact_measures(asked), subjects),
        _by_style(bench),
        Table("IoU over all pixels", ("segmenter",), tuple(rows)),
    )
    shown = [("picture", asked.pictures), ("segmented", colour_map(read))]
    sheet = row_sheet(bench, "segmenter", [*shown, ("truth", colour_map(asked.class_maps))])
    text = (
        f"{bench.prompts} unseen rendered scenes, {READ_SIZE}x{READ_SIZE}. Both networks learned "
        "from rendered scenes only; samples are facts, or scenes that have the class."
    )
    return Section("The judge and the segmenter", text, tables, (sheet,))


def _by_style(bench: Workbench) -> Table:
    each, figures = max(2, bench.prompts // len(STYLES)), []
    for i, style in enumerate(STYLES):
        asked = unseen(each, READ_SIZE, STYLE_OFFSET + i * 10_000, style)
        measure = all_facts_measure(asked)
        share = measure.of(bench.look(asked.pictures))
        figures.append(Figure(style, "%", (share,), measure.samples))
    return Table("all stated facts, by style", ("judge",), tuple(figures))
