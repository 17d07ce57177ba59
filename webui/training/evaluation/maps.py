"""Models that are given a map: of classes, or of depth. The segmenter says whether they follow it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from webui.engine.model import LoadedModel
from webui.training.evaluation.drawing import draw
from webui.training.evaluation.figures import Measure, Section, Table, compare
from webui.training.evaluation.measures import (
    all_facts_measure,
    conditions,
    frechet_measure,
    iou_measure,
    speed,
)
from webui.training.evaluation.metrics import ClassMap
from webui.training.evaluation.sheets import grey, row_sheet
from webui.training.evaluation.unseen import Unseen, unseen_two_grounds
from webui.training.evaluation.workbench import Look, Workbench
from webui.training.reading import READ_SIZE
from webui.training.runs import Pixels
from webui.training.scenes import THING_CLASSES
from webui.training.segmenter import colour_map


def evaluate_semantic(bench: Workbench, model: LoadedModel) -> Section:
    """Measure a model that is given a class map and a caption."""
    size, supplies = model.checkpoint.native_width, bench.supplies()
    asked, wanted = bench.unseen(size), bench.unseen(READ_SIZE).class_maps
    maps = [supplies.keep(class_map) for class_map in asked.class_maps]
    made = bench.draw_captions(model, asked, supplies, lambda i: {"class_map": maps[i]})
    measures = [
        iou_measure(wanted, "mean IoU with the map given", "0.60 / 0.80"),
        all_facts_measure(asked),
        frechet_measure(bench, size, len(asked)),
    ]
    tables = (
        compare("agreement", measures, _subjects(bench, asked, made)),
        _two_grounds(bench, model),
        speed(bench, model, "", supplies, class_map=maps[0]),
    )
    rows = [("class map given", colour_map(asked.class_maps)), ("measured", made)]
    sheet = row_sheet(bench, "semantic", [*rows, ("true picture", asked.pictures)])
    return Section(
        "Semantic synthesis (class map to picture)", conditions(bench, model), tables, (sheet,)
    )


def _two_grounds(bench: Workbench, model: LoadedModel) -> Table:
    """Maps that no scene of the world has: two grounds side by side, without a caption."""
    size, supplies = model.checkpoint.native_width, bench.supplies()
    drawn = unseen_two_grounds(bench.prompts, size)
    wanted = np.stack([r.class_map for r in unseen_two_grounds(bench.prompts, READ_SIZE)])
    maps = [supplies.keep(rendering.class_map) for rendering in drawn]
    requests = [bench.request(model, "", i, class_map=name) for i, name in enumerate(maps)]
    subjects = {
        "measured": bench.look(draw(model, requests, supplies)),
        "true pictures": bench.look([rendering.image for rendering in drawn]),
    }
    measures = [iou_measure(wanted, "mean IoU with the map given, no caption")]
    return compare("two grounds side by side", measures, subjects)


def depth_picture(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Depth 0 near to 1 far as a request takes it: grey, 255 near."""
    near: NDArray[np.uint8] = np.round(255 * (1 - depth)).astype(np.uint8)
    return near


def things_iou(made: ClassMap, wanted: ClassMap) -> float:
    """IoU of what stands in the foreground, whatever it is: whether things are where they should be."""
    a, b = THING_CLASSES[made], THING_CLASSES[wanted]
    return float((a & b).sum() / max(1, (a | b).sum()))


def evaluate_depth(bench: Workbench, model: LoadedModel) -> Section:
    """Measure a model that is given a depth map and a caption."""
    size, supplies = model.checkpoint.native_width, bench.supplies()
    asked, wanted = bench.unseen(size), bench.unseen(READ_SIZE).class_maps
    depths = np.stack([depth_picture(rendering.depth) for rendering in asked.drawn])
    maps = [supplies.keep(depth) for depth in depths]
    made = bench.draw_captions(model, asked, supplies, lambda i: {"depth_map": maps[i]})
    things: Measure[Look] = Measure(
        "IoU of the foreground", "", lambda look: things_iou(look.class_maps, wanted), len(wanted)
    )
    measures = [
        things,
        iou_measure(wanted, "mean IoU with the scene's class map"),
        all_facts_measure(asked),
        frechet_measure(bench, size, len(asked)),
    ]
    tables = (
        compare("agreement with the scene whose depth was given", measures,
                _subjects(bench, asked, made)),
        speed(bench, model, "", supplies, depth_map=maps[0]),
    )  # fmt: skip
    rows = [("depth given, near is white", grey(depths)), ("measured", made)]
    sheet = row_sheet(bench, "depth", [*rows, ("true picture", asked.pictures)])
    return Section("Depth to picture", conditions(bench, model), tables, (sheet,))


def _subjects(bench: Workbench, asked: Unseen, made: Pixels) -> dict[str, Look]:
    """The model, truth, and the text model that saw the captions alone."""
    size = made.shape[2]
    return {
        "measured": bench.look(made),
        "true pictures": bench.look(asked.pictures),
        "text model, caption alone": bench.look(bench.from_text_alone(size)),
    }
