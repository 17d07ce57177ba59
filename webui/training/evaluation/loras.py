"""LoRAs: do they draw what they were taught, and does the rest stay what it was?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from webui.contracts.adapter import AdapterInfo
from webui.contracts.conditions import LoraUse
from webui.training.evaluation.drawing import draw
from webui.training.evaluation.figures import Measure, Section, Table, compare
from webui.training.evaluation.measures import all_facts_measure, conditions
from webui.training.evaluation.metrics import frechet_distance
from webui.training.evaluation.sheets import Shown, row_sheet
from webui.training.evaluation.workbench import TEXT_MODEL, Look, Workbench
from webui.training.runs import Pixels
from webui.training.scenes import UNSEEN_SEEDS
from webui.training.world.extras import EXTRAS, draw_extra

MOST_PROMPTS = 200
"""For each LoRA: there may be many."""


@dataclass(frozen=True)
class _Drawn:
    """Pictures of a concept's captions."""

    true: Pixels
    with_it: Pixels
    alone: Pixels
    """By the text model without the LoRA."""


def evaluate_loras(bench: Workbench, loras: Sequence[AdapterInfo]) -> Section:
    """Measure those LoRAs whose concept this repository draws; other ones have no truth here."""
    tables: list[Table] = []
    pictures: list[Shown] = []
    model = bench.load(TEXT_MODEL)
    size = model.checkpoint.native_width
    bench = replace(bench, prompts=min(bench.prompts, MOST_PROMPTS))
    for lora in loras:
        concept = lora.id.rsplit("/", 1)[-1]
        if concept in EXTRAS:
            drawn = _draw(bench, lora, concept, size)
            tables += [_taught(bench, concept, drawn, size), _kept(bench, lora, size)]
            rows = [("LoRA", drawn.with_it), ("without", drawn.alone), ("true picture", drawn.true)]
            pictures.append(row_sheet(bench, f"lora-{concept}", rows))
    text = conditions(bench, model) + " Captions of unseen scenes with the concept; weight 1."
    return Section("LoRAs", text, tuple(tables), tuple(pictures))


def _draw(bench: Workbench, lora: AdapterInfo, concept: str, size: int) -> _Drawn:
    model, supplies = bench.load(TEXT_MODEL), replace(bench.supplies(), adapters=(lora,))
    pairs = [draw_extra(concept, UNSEEN_SEEDS + i, size) for i in range(bench.prompts)]
    uses = ((LoraUse(adapter=lora.id),), ())
    with_it, alone = (
        draw(
            model,
            [bench.request(model, text, i, loras=use) for i, (_, text) in enumerate(pairs)],
            supplies,
        )
        for use in uses
    )
    return _Drawn(np.stack([true for true, _ in pairs]), np.stack(with_it), np.stack(alone))


def _taught(bench: Workbench, concept: str, drawn: _Drawn, size: int) -> Table:
    """Frechet distance to other true pictures of the concept."""
    first = UNSEEN_SEEDS + bench.prompts
    others = [draw_extra(concept, first + i, size)[0] for i in range(bench.prompts)]
    reference = bench.look(others)
    near: Measure[Look] = Measure(
        "Frechet distance to true ones (lower is better)", "",
        lambda look: frechet_distance(look.features, reference.features), bench.prompts,
    )  # fmt: skip
    subjects = {
        "with the LoRA": bench.look(drawn.with_it),
        "text model alone": bench.look(drawn.alone),
        "true pictures": bench.look(drawn.true),
    }
    return compare(f"pictures of a {concept}", [near], subjects)


def _kept(bench: Workbench, lora: AdapterInfo, size: int) -> Table:
    """What captions without the concept lose."""
    model, supplies = bench.load(TEXT_MODEL), replace(bench.supplies(), adapters=(lora,))
    asked = bench.unseen(size)
    made = bench.draw_captions(model, asked, supplies, loras=(LoraUse(adapter=lora.id),))
    subjects = {
        "with the LoRA": bench.look(made),
        "text model alone": bench.look(bench.from_text_alone(size)),
        "true pictures": bench.look(asked.pictures),
    }
    return compare("captions without the concept", [all_facts_measure(asked)], subjects)
