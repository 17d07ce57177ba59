"""A layout model: are the things in the boxes that were given?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from webui.contracts.conditions import LayoutBox
from webui.engine.model import LoadedModel
from webui.training.evaluation.facts import Share
from webui.training.evaluation.figures import Measure, Section, bars, compare
from webui.training.evaluation.measures import (
    all_facts_measure,
    conditions,
    frechet_measure,
    speed,
)
from webui.training.evaluation.metrics import ClassMap
from webui.training.evaluation.sheets import row_sheet
from webui.training.evaluation.workbench import Look, Workbench
from webui.training.reading import READ_SIZE
from webui.training.runs import Pixels
from webui.training.scenes import MAX_BOXES
from webui.training.world import CLASS_INDEX, CLASSES, Rendering

LEAST_SEEN = 0.1
"""Share of a box that its thing covers in the true scene, below which it is hidden and not counted."""


def boxes_of(drawn: Rendering) -> tuple[LayoutBox, ...]:
    """The scene's boxes as a request has them; at most sixteen, the nearest ones."""
    found = []
    for box in drawn.boxes[-MAX_BOXES:]:
        left, top, right, bottom = np.clip((box.x0, box.y0, box.x1, box.y1), 0, 1).tolist()
        if left < right and top < bottom:
            found.append(LayoutBox(label=box.name, left=left, top=top, right=right, bottom=bottom))
    return tuple(found)


def boxes_found(made: ClassMap, wanted: ClassMap, boxes: Sequence[Sequence[LayoutBox]]) -> Share:
    """How many boxes hold their thing.

    A box holds it where its class covers at least half of the share that it covers in the true
    scene. Boxes whose thing is hidden there are not counted.

    Args:
        made: Class maps of the pictures drawn, (N, H, W).
        wanted: Those of the true scenes.
        boxes: Of each scene.
    """
    right = of = 0
    for one, true, asked in zip(made, wanted, boxes, strict=True):
        for box in asked:
            seen, should = (_cover(class_map, box) for class_map in (one, true))
            if should >= LEAST_SEEN:
                of += 1
                right += seen >= should / 2
    return Share(right, of)


def _cover(class_map: ClassMap, box: LayoutBox) -> float:
    """Share of the box that its class covers."""
    height, width = class_map.shape
    top, bottom = int(box.top * height), max(int(box.top * height) + 1, round(box.bottom * height))
    left, right = int(box.left * width), max(int(box.left * width) + 1, round(box.right * width))
    return float((class_map[top:bottom, left:right] == CLASS_INDEX[box.label]).mean())


def evaluate_layout(bench: Workbench, model: LoadedModel) -> Section:
    """Measure a model that is given boxes and a caption."""
    size, supplies = model.checkpoint.native_width, bench.supplies()
    asked, wanted = bench.unseen(size), bench.unseen(READ_SIZE).class_maps
    boxes = [boxes_of(rendering) for rendering in asked.drawn]
    made = bench.draw_captions(model, asked, supplies, lambda i: {"boxes": boxes[i]})
    subjects = {
        "measured": bench.look(made),
        "true pictures": bench.look(asked.pictures),
        "text model, caption alone": bench.look(bench.from_text_alone(size)),
    }
    found: Measure[Look] = Measure(
        "boxes that hold their thing", "%",
        lambda look: boxes_found(look.class_maps, wanted, boxes).share,
        boxes_found(wanted, wanted, boxes).of, bars(0.70, 0.90),
    )  # fmt: skip
    measures = [found, all_facts_measure(asked), frechet_measure(bench, size, len(asked))]
    tables = (
        compare("agreement", measures, subjects),
        speed(bench, model, "", supplies, boxes=boxes[0]),
    )
    shown = np.stack([draw_boxes(each, size) for each in boxes[:6]])
    rows = [("boxes given", shown), ("measured", made), ("true picture", asked.pictures)]
    sheet = row_sheet(bench, "layout", rows)
    return Section("Layout (boxes to picture)", conditions(bench, model), tables, (sheet,))


def draw_boxes(boxes: Sequence[LayoutBox], size: int) -> Pixels:
    """The boxes' outlines in their classes' colours, on white, (size, size, 3)."""
    picture = Image.new("RGB", (size, size), "white")
    brush = ImageDraw.Draw(picture)
    for box in boxes:
        corners = [size * side for side in (box.left, box.top, box.right, box.bottom)]
        brush.rectangle(corners, outline=CLASSES[CLASS_INDEX[box.label]].rgb, width=2)
    drawn: Pixels = np.asarray(picture)
    return drawn
