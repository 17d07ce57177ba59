"""An inpainting model: what the prompt names appears in the hole, and nothing changes outside it.

The picture that is given never had the thing: its scene is drawn without it. So neither a rest of
it nor its shadow tells the model what to draw, only the prompt does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from webui.engine.model import LoadedModel
from webui.training.evaluation.drawing import Supplies, draw
from webui.training.evaluation.facts import Share
from webui.training.evaluation.figures import Figure, Measure, Section, Table, bars, compare
from webui.training.evaluation.measures import speed
from webui.training.evaluation.sheets import row_sheet
from webui.training.evaluation.workbench import TEXT_MODEL, Look, Workbench
from webui.training.judge import Verdict
from webui.training.runs import Pixels
from webui.training.scenes import UNSEEN_SEEDS
from webui.training.world import Caption, SaidThing, caption_facts, render, sample_scene

MARGIN = 0.06
"""Of a hole around its thing, in picture sides."""
ROWS = ("object in the hole", "its colour", "its count")


@dataclass(frozen=True)
class Hole:
    """A scene's picture without one of its things, and the hole where that thing belongs."""

    said: Caption
    """Of the whole scene."""
    mention: SaidThing
    """Of the thing that is missing."""
    given: Pixels
    """The picture without it, (S, S, 3)."""
    mask: NDArray[np.uint8]
    """255 in the hole, else 0, (S, S)."""
    true: Pixels
    """The picture with it."""


def holes(count: int, size: int) -> list[Hole]:
    """The first unseen scenes whose captions mention things, each with one thing taken out."""
    found: list[Hole] = []
    seed = UNSEEN_SEEDS
    while len(found) < count:
        scene = sample_scene(seed)
        said = caption_facts(scene, np.random.default_rng([seed, 7]))
        if said.said_things:
            mention = said.said_things[seed % len(said.said_things)]
            found.append(_dig(said, mention, size))
        seed += 1
    return found


def _dig(said: Caption, mention: SaidThing, size: int) -> Hole:
    scene = said.scene
    others = tuple(thing for thing in scene.things if thing is not mention.thing)
    whole, without = render(scene, size, size), render(replace(scene, things=others), size, size)
    changed = np.argwhere(whole.class_map != without.class_map)
    margin = round(MARGIN * size)
    top, left = (changed.min(axis=0) - margin).clip(min=0)
    bottom, right = (changed.max(axis=0) + 1 + margin).clip(max=size)
    mask = np.zeros((size, size), np.uint8)
    mask[top:bottom, left:right] = 255
    return Hole(said, mention, without.image, mask, whole.image)


def _marks(hole: Hole, verdict: Verdict) -> Iterator[tuple[str, bool]]:
    """What the prompt states of the missing thing, and whether it is there, where the hole is."""
    thing, mention = hole.mention.thing, hole.mention
    yield ROWS[0], verdict.shows_at(thing.kind, thing.side)
    if mention.said_colour and thing.colour is not None:
        yield ROWS[1], verdict.shows_coloured(thing.kind, thing.colour, thing.side)
    if mention.said_count:
        yield ROWS[2], verdict.shows_counted(thing.kind, thing.count, thing.side)


def score_holes(dug: Sequence[Hole], verdicts: Sequence[Verdict]) -> dict[str, Share]:
    """How much of what is said of the missing things the verdicts confirm, by row."""
    right, of = dict.fromkeys(ROWS, 0), dict.fromkeys(ROWS, 0)
    for hole, verdict in zip(dug, verdicts, strict=True):
        for row, is_right in _marks(hole, verdict):
            right[row] += is_right
            of[row] += 1
    return {row: Share(right[row], of[row]) for row in ROWS}


def largest_error_outside(dug: Sequence[Hole], made: Pixels) -> int:
    """Largest difference of a channel of a pixel outside of the holes, 0 to 255."""
    given, mask = np.stack([h.given for h in dug]), np.stack([h.mask for h in dug])
    difference = np.abs(made.astype(np.int16) - given)
    return int(difference[mask == 0].max())


def evaluate_inpaint(bench: Workbench, model: LoadedModel) -> Section:
    """Measure an inpainting model against the text model, which blends latents at every step."""
    size, supplies = model.checkpoint.native_width, bench.supplies()
    dug = holes(bench.prompts, size)
    made, blended = (_fill(bench, m, dug, supplies) for m in (model, bench.load(TEXT_MODEL)))
    given, true = np.stack([h.given for h in dug]), np.stack([h.true for h in dug])
    subjects = {
        "measured": bench.look(made),
        "true pictures": bench.look(true),
        "text model, blending latents": bench.look(blended),
        "picture as given": bench.look(given),
    }
    stated = score_holes(dug, subjects["true pictures"].verdicts)
    measures = [
        Measure(row, "%", partial(_share, dug, row), stated[row].of,
                bars(0.75, 0.90) if row == ROWS[0] else "")
        for row in ROWS
    ]  # fmt: skip
    outside = Figure(
        "largest error of a pixel", "levels",
        (largest_error_outside(dug, made), largest_error_outside(dug, blended)), len(dug), "0",
    )  # fmt: skip
    headings = ("measured", "text model, blending latents")
    tables = (
        compare("what the prompt names", measures, subjects),
        Table("outside the hole", headings, (outside,)),
        speed(bench, model, "", supplies, **_named(dug[0], supplies)),
    )
    shown = np.where(np.stack([h.mask for h in dug])[..., None] > 0, 255, given).astype(np.uint8)
    sheet = row_sheet(bench, "inpaint", [("given, hole white", shown), ("measured", made),
                                         ("true picture", true)])  # fmt: skip
    asked = bench.request(model, "", 0)
    text = (
        f"{bench.prompts} unseen scenes drawn without one of their things; the hole is where it "
        f"belongs, the prompt is the caption of the whole scene; {asked.steps} steps, guidance "
        f"scale {asked.guidance_scale:g}, {size}x{size}."
    )
    return Section("Inpainting", text, tables, (sheet,))


def _share(dug: Sequence[Hole], row: str, look: Look) -> float:
    return score_holes(dug, look.verdicts)[row].share


def _named(hole: Hole, supplies: Supplies) -> dict[str, str | float]:
    image, mask = supplies.keep(hole.given), supplies.keep(hole.mask)
    return {"image": image, "mask": mask, "mask_blur": 0, "denoising_strength": 1.0}


def _fill(bench: Workbench, model: LoadedModel, dug: Sequence[Hole], supplies: Supplies) -> Pixels:
    requests = [
        bench.request(model, hole.said.text, i, **_named(hole, supplies))
        for i, hole in enumerate(dug)
    ]
    return np.stack(draw(model, requests, supplies))
