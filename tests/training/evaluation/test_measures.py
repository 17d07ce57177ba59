"""Measures that several models share, on true pictures' own truth."""

import numpy as np

from webui.training.evaluation.facts import SORTS
from webui.training.evaluation.measures import (
    all_facts_measure,
    fact_measures,
    fidelity_measures,
    frechet_measure,
    iou_measure,
    speed,
)
from webui.training.evaluation.unseen import unseen
from webui.training.evaluation.workbench import TEXT_MODEL, Look, Workbench
from webui.training.judge import truth


class _Perfect(Look):
    """A look that reads the first unseen scenes without an error."""

    @property
    def verdicts(self) -> list[object]:  # type: ignore[override]
        return [truth(scene) for scene in unseen(len(self.pictures), 32).scenes]


def test_a_perfect_reading_has_every_fact_right_and_the_samples_are_the_facts(
    bench: Workbench,
) -> None:
    asked = unseen(20, 32)
    look = _Perfect(bench.readers, asked.pictures)
    measures = fact_measures(asked, with_bars=True)
    assert [measure.what for measure in measures] == list(SORTS)
    assert all(measure.of(look) == 1.0 and measure.bar for measure in measures)
    everything = all_facts_measure(asked)
    assert everything.of(look) == 1.0
    assert everything.samples == sum(measure.samples for measure in measures)


def test_a_crowd_is_nearest_to_itself(bench: Workbench) -> None:
    measure = frechet_measure(bench, 32, 3)
    assert measure.of(bench.reference(32, 3)) < 1e-9
    assert measure.of(bench.look(unseen(3, 32).pictures)) > 0


def test_what_the_segmenter_reads_agrees_with_itself(bench: Workbench) -> None:
    look = bench.look(unseen(3, 32).pictures)
    assert iou_measure(look.class_maps).of(look) == 1.0


def test_pictures_are_nearest_to_themselves(bench: Workbench) -> None:
    true = unseen(3, 32).pictures
    psnr, ssim, distance = fidelity_measures(true, bench.readers.judge)
    assert psnr.of(true) > psnr.of(np.roll(true, 1, axis=0))
    assert ssim.of(true) == 1.0
    assert distance.of(true) == 0.0


def test_the_speed_is_that_of_one_picture_at_the_models_steps(bench: Workbench) -> None:
    table = speed(bench, bench.load(TEXT_MODEL), "at most 3 s")
    assert table.figures[0].what.endswith("2 steps")
    assert table.figures[0].values[0] > 0
