"""Measures that several models share: rows of tables, still to be taken."""

from __future__ import annotations

from functools import partial

from webui.engine.model import LoadedModel
from webui.training.evaluation.drawing import Supplies, seconds_alone
from webui.training.evaluation.facts import BARS, SORTS, overall, score
from webui.training.evaluation.figures import Figure, Measure, Table, bars
from webui.training.evaluation.metrics import ClassMap, frechet_distance, mean_iou, psnr_db, ssim
from webui.training.evaluation.unseen import Unseen
from webui.training.evaluation.workbench import Look, Workbench
from webui.training.judge import Judge, feature_distance, truth
from webui.training.runs import Pixels
from webui.training.world import CLASSES

TIME = "time"
"""Title of the table of seconds."""


def fact_measures(asked: Unseen, with_bars: bool = False) -> list[Measure[Look]]:
    """Share of each sort of stated fact that the judge sees in pictures of these captions."""

    def right(sort: str, look: Look) -> float:
        return score(asked.captions, look.verdicts)[sort].share

    stated = score(asked.captions, [truth(scene) for scene in asked.scenes])
    return [
        Measure(sort, "%", partial(right, sort), stated[sort].of, bars(*BARS[sort]) * with_bars)
        for sort in SORTS
    ]


def all_facts_measure(asked: Unseen) -> Measure[Look]:
    """Share of all stated facts together."""
    stated = overall(score(asked.captions, [truth(scene) for scene in asked.scenes]))
    return Measure(
        "all stated facts", "%",
        lambda look: overall(score(asked.captions, look.verdicts)).share, stated.of,
    )  # fmt: skip


def frechet_measure(bench: Workbench, size: int, count: int) -> Measure[Look]:
    """Frechet distance in the judge's features to `count` other unseen scenes."""
    reference = bench.reference(size, count)
    return Measure(
        "Frechet distance (lower is better)", "",
        lambda look: frechet_distance(look.features, reference.features), count,
    )  # fmt: skip


def iou_measure(wanted: ClassMap, what: str = "mean IoU", bar: str = "") -> Measure[Look]:
    """Mean IoU of what the segmenter reads with the true class maps (N, 128, 128)."""
    return Measure(
        what, "", lambda look: mean_iou(look.class_maps, wanted, len(CLASSES)), len(wanted), bar
    )


def fidelity_measures(true: Pixels, judge: Judge, bar: str = "30 / 34 dB") -> list[Measure[Pixels]]:
    """How close pictures (N, H, W, 3) come to the true ones, pixel by pixel and as they look."""
    return [
        Measure("PSNR", "dB", lambda p: psnr_db(p, true), len(true), bar),
        Measure("SSIM", "", lambda p: ssim(p, true), len(true)),
        Measure("feature distance (lower is better)", "",
                lambda p: feature_distance(judge, p, true), len(true)),
    ]  # fmt: skip


def speed(
    bench: Workbench,
    model: LoadedModel,
    bar: str,
    supplies: Supplies | None = None,
    # Any: fields of a request
    **fields: object,
) -> Table:
    """Seconds of one picture alone with the model warm."""
    prompt = "a red house on the left, a meadow by day"
    request = bench.request(model, prompt, 1, **fields)
    seconds = seconds_alone(model, request, supplies)
    what = f"one picture alone, model warm, {request.steps} steps"
    return Table(TIME, ("measured",), (Figure(what, "s", (seconds,), 3, bar),))


def conditions(bench: Workbench, model: LoadedModel) -> str:
    """How the pictures of a section were drawn, unless a table says otherwise."""
    asked, size = bench.request(model, "", 0), model.checkpoint.native_width
    return (
        f"{bench.prompts} captions of unseen scenes, {asked.steps} steps, guidance scale "
        f"{asked.guidance_scale:g}, {size}x{size}, {asked.sampler}, seed i for caption i."
    )
