"""The segmentation model in the box, on unseen rendered scenes, beside the segmenter that reads for all measurements."""

from __future__ import annotations

import numpy as np
import torch
from transformers import SegformerForSemanticSegmentation

from webui.training.evaluation.figures import Figure, Section, Table
from webui.training.evaluation.metrics import class_iou
from webui.training.evaluation.sheets import row_sheet
from webui.training.evaluation.unseen import REFERENCE_OFFSET, unseen
from webui.training.evaluation.workbench import Workbench
from webui.training.reading import READ_SIZE
from webui.training.segformer import read_maps
from webui.training.segmenter import colour_map
from webui.training.world import CLASSES


def evaluate_segformer(bench: Workbench, name: str) -> Section:
    """Measure a SegFormer, by its path below the models, that reads the sixteen classes."""
    asked = unseen(bench.prompts, READ_SIZE, REFERENCE_OFFSET)
    network = SegformerForSemanticSegmentation.from_pretrained(
        bench.models / name, dtype=torch.float32
    )
    network.requires_grad_(False).train(False)
    mine = read_maps(network, asked.pictures)
    maps = (mine, bench.look(asked.pictures).class_maps)
    truth, per_class = (
        asked.class_maps,
        [class_iou(m, asked.class_maps, len(CLASSES)) for m in maps],
    )
    rows = [
        Figure("pixels of the right class", "%", tuple(float((m == truth).mean()) for m in maps), len(asked)),
        Figure("mean IoU over the classes", "", tuple(float(np.nanmean(each)) for each in per_class), len(asked)),
    ]  # fmt: skip
    rows += [
        Figure(
            entry.name,
            "",
            tuple(float(each[i]) for each in per_class),
            int((truth == i).any(axis=(1, 2)).sum()),
        )
        for i, entry in enumerate(CLASSES)
    ]
    table = Table("what is read", ("measured", "the measuring segmenter"), tuple(rows))
    shown = [("picture", asked.pictures), ("read", colour_map(mine)), ("truth", colour_map(truth))]
    sheet = row_sheet(bench, "segformer", shown)
    text = f"{bench.prompts} unseen rendered scenes, {READ_SIZE}x{READ_SIZE}, in float32. IoU of a class counts all pixels."
    return Section("Picture to class map", text, (table,), (sheet,))
