"""A text model: the facts of captions, styles, bare class names, the empty prompt, curves, speed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from webui.engine.model import LoadedModel
from webui.training.evaluation.curves import curves
from webui.training.evaluation.drawing import draw
from webui.training.evaluation.facts import overall, score
from webui.training.evaluation.figures import Figure, Section, Table, compare
from webui.training.evaluation.first_stages import reconstruct
from webui.training.evaluation.measures import (
    conditions,
    fact_measures,
    fidelity_measures,
    frechet_measure,
    speed,
)
from webui.training.evaluation.sheets import prompt_sheet
from webui.training.evaluation.unseen import STYLE_OFFSET, Unseen, unseen
from webui.training.evaluation.workbench import Look, Workbench, blurred
from webui.training.judge import Verdict, truth
from webui.training.world import GROUNDS, KINDS, STYLES, TIMES

MOST_RECONSTRUCTED = 200
"""Pictures that the first stage is measured on."""


def evaluate_text(bench: Workbench, model: LoadedModel) -> Section:
    """Measure a text model at its own size."""
    size = model.checkpoint.native_width
    asked = bench.unseen(size)
    drawn = bench.draw_captions(model, asked)
    empty = bench.look(bench.draw_captions(model, _silent(asked), guidance_scale=1.0))
    subjects = {
        "measured": bench.look(drawn),
        "true pictures": bench.look(asked.pictures),
        "picture of another caption": bench.look(np.roll(drawn, -1, axis=0)),
    }
    of_curves, pictures = curves(bench, model)
    tables = (
        compare("stated fact", fact_measures(asked, with_bars=True), subjects),
        _styles(bench, model),
        _names(bench, model, empty, asked),
        _crowds(bench, size, subjects["measured"], empty, asked),
        *of_curves,
        _first_stage(bench, model, asked),
        speed(bench, model, "at most 3 s on two cores"),
    )
    sheet = prompt_sheet(bench, model, "text")
    return Section("Text to image", conditions(bench, model), tables, (sheet, *pictures))


def _first_stage(bench: Workbench, model: LoadedModel, asked: Unseen) -> Table:
    """What the first stage keeps of true pictures: no drawn picture can be sharper."""
    true = asked.pictures[:MOST_RECONSTRUCTED]
    subjects = {
        "measured": reconstruct(model.vae, true),
        "true pictures, blurred to an eighth": blurred(true),
    }
    return compare("first stage", fidelity_measures(true, bench.readers.judge), subjects)


def _silent(asked: Unseen) -> Unseen:
    """The same scenes with nothing said of them."""
    return replace(asked, captions=tuple(replace(c, text="") for c in asked.captions))


def _styles(bench: Workbench, model: LoadedModel) -> Table:
    """All facts together, by style; each style is forced on scenes of its own."""
    each = max(2, bench.prompts // len(STYLES))
    headings = ("measured", "true pictures", "picture of another caption")
    figures = []
    for i, style in enumerate(STYLES):
        asked = unseen(each, model.checkpoint.native_width, STYLE_OFFSET + i * 10_000, style)
        drawn = bench.draw_captions(model, asked)
        crowds = (drawn, asked.pictures, np.roll(drawn, -1, axis=0))
        scores = [overall(score(asked.captions, bench.look(c).verdicts)) for c in crowds]
        figures.append(Figure(style, "%", tuple(s.share for s in scores), scores[0].of))
    return Table("all stated facts, by style", headings, tuple(figures))


def _shows(kind: str) -> Callable[[Verdict], bool]:
    return lambda verdict: verdict.shows(kind)


def _stands_on(ground: str) -> Callable[[Verdict], bool]:
    return lambda verdict: verdict.ground == ground


def _is_at(time: str) -> Callable[[Verdict], bool]:
    return lambda verdict: verdict.time == time


NAMES: dict[str, dict[str, Callable[[Verdict], bool]]] = {
    "things": {kind: _shows(kind) for kind in KINDS},
    "grounds": {ground: _stands_on(ground) for ground in GROUNDS},
    "times of day": {time: _is_at(time) for time in TIMES},
}
"""Bare names that a picture can be asked for by, and how it is seen to show them."""


def _names(bench: Workbench, model: LoadedModel, empty: Look, asked: Unseen) -> Table:
    """Class-conditional: pictures of nothing but a name."""
    each = max(1, bench.prompts // sum(len(names) for names in NAMES.values()))
    true = list(zip(asked.scenes, bench.look(asked.pictures).verdicts, strict=True))
    figures = []
    for sort, names in NAMES.items():
        requests = [bench.request(model, name, i) for name in names for i in range(each)]
        verdicts = iter(bench.look(draw(model, requests)).verdicts)
        right = [shows(next(verdicts)) for shows in names.values() for _ in range(each)]
        of_true = [shows(v) for shows in names.values() for s, v in true if shows(truth(s))]
        by_chance = [shows(v) for shows in names.values() for v in empty.verdicts]
        shares = tuple(float(np.mean(x)) if x else math.nan for x in (right, of_true, by_chance))
        figures.append(Figure(sort, "%", shares, len(right)))
    headings = ("measured", "true pictures that show it", "the empty prompt")
    return Table("a bare class name as the prompt", headings, tuple(figures))


def _crowds(bench: Workbench, size: int, drawn: Look, empty: Look, asked: Unseen) -> Table:
    """How crowds of pictures compare with a crowd of other unseen scenes."""
    subjects = {
        "captions": drawn,
        "the empty prompt (unconditional)": empty,
        "true pictures": bench.look(asked.pictures),
        "true pictures, blurred to an eighth": bench.look(blurred(asked.pictures)),
    }
    return compare("all pictures", [frechet_measure(bench, size, len(asked))], subjects)
