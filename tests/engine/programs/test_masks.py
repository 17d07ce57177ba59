from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from webui.engine.programs.masks import Region, blend, blurred, filled, region_around
from webui.engine.work import Pixels


def dot(height: int = 41, width: int = 41) -> Pixels:
    values = np.zeros((height, width), np.uint8)
    values[height // 2, width // 2] = 255
    return values


@pytest.mark.parametrize("deviation", [1, 4, 7])
def test_a_blur_is_a_gaussian_that_ends_at_two_and_a_half_deviations(deviation: int) -> None:
    line = np.zeros((1, 101), np.uint8)
    line[0, 50:] = 255
    reach = int(2.5 * deviation + 0.5)
    weights = [math.exp(-0.5 * (i / deviation) ** 2) for i in range(-reach, reach + 1)]
    expected = [round(255 * sum(weights[: i + 1]) / sum(weights)) for i in range(len(weights))]
    soft = blurred(line, deviation, 0)[0]
    got = soft[50 - reach : 50 + reach + 1]
    assert np.abs(got.astype(int) - expected).max() <= 1
    assert soft[50 - reach - 1] == 0
    assert soft[50 + reach] == 255


def test_across_and_down_are_blurred_apart() -> None:
    soft = blurred(dot(), 2, 0)
    assert (soft > 0).any(0).sum() > 1
    assert (soft > 0).any(1).sum() == 1
    assert np.array_equal(blurred(dot(), 0, 2), soft.T)


def test_a_blur_wider_than_the_mask_can_be_raised_to_its_strength() -> None:
    faint, raised = blurred(dot(), 3, 3).astype(int), blurred(dot(), 3, 3, raised=True).astype(int)
    assert faint.max() < 8
    assert raised.max() == 255
    line = np.zeros((1, 101), np.uint8)
    line[0, 50:] = 255
    assert np.array_equal(blurred(line, 4, 0, raised=True), blurred(line, 4, 0))


def test_a_mask_that_fills_the_picture_stays_whole_under_a_wide_blur() -> None:
    full = np.full((9, 5), 255, np.uint8)
    assert np.array_equal(blurred(full, 64, 64), full)


def test_the_part_around_a_mask_has_the_asked_shape() -> None:
    mask = np.zeros((100, 200), np.uint8)
    mask[40:50, 90:110] = 1
    assert region_around(mask, 5, 64, 64) == Region(85, 30, 115, 60)
    assert region_around(mask, 0, 64, 32) == Region(90, 40, 110, 50)


def test_the_part_stays_within_the_picture() -> None:
    mask = np.zeros((100, 200), np.uint8)
    mask[90:100, 0:4] = 255
    assert region_around(mask, 8, 64, 64) == Region(0, 82, 18, 100)
    tall = np.zeros((100, 20), np.uint8)
    tall[:, 5] = 255
    assert region_around(tall, 0, 64, 64) == Region(0, 0, 20, 100)


def test_an_empty_mask_has_no_part() -> None:
    assert region_around(np.zeros((8, 8), np.uint8), 4, 64, 64) is None


def test_fill_takes_the_colours_around_and_leaves_the_rest() -> None:
    values = np.zeros((64, 64, 3), np.uint8)
    values[:, :32], values[:, 32:] = (200, 0, 0), (0, 0, 200)
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 8:56] = 255
    values[mask > 0] = (0, 255, 0)
    made = np.asarray(filled(Image.fromarray(values), mask)).astype(int)
    assert np.abs(made[mask == 0] - values[mask == 0]).max() <= 1
    inside = made[mask > 0]
    assert inside[:, 1].max() <= 2
    assert made[32, 12, 0] > made[32, 12, 2]
    assert made[32, 52, 2] > made[32, 52, 0]


def test_grey_mixes_old_and_new() -> None:
    old, new = np.full((1, 3, 3), 100, np.uint8), np.full((1, 3, 3), 200, np.uint8)
    mixed = blend(old, new, np.array([[0, 51, 255]], np.uint8))
    assert mixed[0, :, 0].tolist() == [100, 120, 200]
