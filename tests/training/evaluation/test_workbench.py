"""What measurements share."""

from dataclasses import replace

import numpy as np

from webui.contracts.ids import ModelId
from webui.training.evaluation.unseen import unseen
from webui.training.evaluation.workbench import TEXT_MODEL, Workbench, blurred


def test_a_request_has_the_settings_that_suit_its_model_and_what_is_asked(
    bench: Workbench,
) -> None:
    plain = bench.request(bench.load(TEXT_MODEL), "x", 7, guidance_scale=9.0)
    assert (plain.steps, plain.guidance_scale, plain.seed) == (2, 9.0, 7)
    turbo = bench.request(bench.load(ModelId("starter/turbo")), "x", 7)
    assert (turbo.sampler, turbo.guidance_scale) == ("LCM", 1.0)


def test_the_baseline_is_drawn_once_for_each_way_of_drawing(bench: Workbench) -> None:
    size = bench.load(TEXT_MODEL).checkpoint.native_width
    first = bench.from_text_alone(size)
    assert np.shares_memory(first, bench.from_text_alone(size))
    assert np.array_equal(replace(bench, prompts=2).from_text_alone(size), first[:2])
    other = bench.from_text_alone(size, steps=1)
    assert not np.array_equal(other, bench.from_text_alone(size))


def test_the_baseline_of_a_larger_model_has_its_size(bench: Workbench) -> None:
    assert bench.from_text_alone(64).shape == (bench.prompts, 64, 64, 3)


def test_the_crowd_that_others_are_compared_with_is_not_asked_for(bench: Workbench) -> None:
    asked = {scene.seed for scene in bench.unseen(32).scenes}
    reference = bench.reference(32, 3).pictures
    assert len(asked) == len(reference) == 3
    assert not any(np.array_equal(a, b) for a in bench.unseen(32).pictures for b in reference)


def test_blur_keeps_the_mean_colour_and_loses_details() -> None:
    pictures = unseen(2, 64).pictures
    soft = blurred(pictures)
    assert np.abs(soft.mean(axis=(1, 2)) - pictures.mean(axis=(1, 2))).max() < 3
    assert soft.std() < pictures.std()
