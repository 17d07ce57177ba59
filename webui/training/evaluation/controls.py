"""ControlNets: the text model steered by edges or by a picture of classes."""

from __future__ import annotations

from dataclasses import replace

from webui.contracts.adapter import AdapterInfo
from webui.contracts.conditions import ControlUse
from webui.contracts.ids import ImageId
from webui.training.controlnet import hint_pictures
from webui.training.evaluation.figures import Measure, Section, compare
from webui.training.evaluation.measures import (
    all_facts_measure,
    conditions,
    frechet_measure,
    iou_measure,
    speed,
)
from webui.training.evaluation.metrics import edge_f1
from webui.training.evaluation.sheets import row_sheet
from webui.training.evaluation.workbench import TEXT_MODEL, Look, Workbench
from webui.training.examples import Examples
from webui.training.reading import READ_SIZE
from webui.training.runs import Pixels


def edges(pictures: Pixels) -> Pixels:
    """Canny's edges of pictures (N, H, W, 3) as the controlnet was taught them: 255 on an edge, (N, H, W)."""
    return hint_pictures(Examples(pictures, ()), "edges")[..., 0]


def evaluate_control(bench: Workbench, adapter: AdapterInfo) -> Section:
    """Measure a controlnet of the text model by what it reads: 'edges' or 'classes'."""
    model, supplies = bench.load(TEXT_MODEL), replace(bench.supplies(), adapters=(adapter,))
    size = model.checkpoint.native_width
    asked, of_edges = bench.unseen(size), adapter.reads == "edges"
    true = Examples(asked.pictures, (), class_maps=asked.class_maps)
    hints = hint_pictures(true, adapter.reads)
    ids = [supplies.keep(hint) for hint in hints]

    def use(image: ImageId) -> dict[str, tuple[ControlUse, ...]]:
        return {"controls": (ControlUse(adapter=adapter.id, image=image),)}

    made = bench.draw_captions(model, asked, supplies, lambda i: use(ids[i]))
    subjects = {
        "measured": bench.look(made),
        "true pictures": bench.look(asked.pictures),
        "text model, caption alone": bench.look(bench.from_text_alone(size)),
    }
    true_edges = edges(asked.pictures)
    follows: Measure[Look] = (
        Measure(
            "F1 of edges, a pixel's slack", "%",
            lambda look: edge_f1(edges(look.pictures), true_edges), len(asked),
        )
        if of_edges
        else iou_measure(bench.unseen(READ_SIZE).class_maps, "mean IoU with the classes given")
    )  # fmt: skip
    measures = [follows, all_facts_measure(asked), frechet_measure(bench, size, len(asked))]
    tables = (
        compare("agreement", measures, subjects),
        speed(bench, model, "", supplies, **use(ids[0])),
    )
    rows = [(f"{adapter.reads} given", hints), ("measured", made), ("true picture", asked.pictures)]
    sheet = row_sheet(bench, f"controlnet-{adapter.reads}", rows)
    text = conditions(bench, model) + " Weight 1 over all steps."
    return Section(f"ControlNet: {adapter.reads}", text, tables, (sheet,))
