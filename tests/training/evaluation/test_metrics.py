"""Measures against their closed forms."""

import math

import numpy as np
import pytest

from webui.training.evaluation.metrics import (
    class_iou,
    edge_f1,
    frechet_distance,
    mean_iou,
    psnr_db,
    ssim,
)
from webui.training.runs import Pixels


def _noise(count: int = 2, side: int = 32) -> Pixels:
    return np.random.default_rng(0).integers(20, 230, (count, side, side, 3)).astype(np.uint8)


def test_psnr_of_a_constant_error_is_its_closed_form() -> None:
    pictures = _noise()
    assert psnr_db(pictures + 5, pictures) == pytest.approx(20 * math.log10(255 / 5))


def test_psnr_of_equal_pictures_is_infinite() -> None:
    assert psnr_db(_noise(), _noise()) == math.inf


def test_ssim_is_one_for_equal_pictures_and_low_for_unrelated_ones() -> None:
    pictures = _noise()
    assert ssim(pictures, pictures) == pytest.approx(1.0)
    assert abs(ssim(pictures, pictures[::-1])) < 0.1


def test_ssim_of_flat_pictures_is_the_luminance_term() -> None:
    one, other = np.full((1, 16, 16, 3), 100, np.uint8), np.full((1, 16, 16, 3), 150, np.uint8)
    c1 = (0.01 * 255) ** 2
    wanted = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert ssim(one, other) == pytest.approx(wanted)


def test_frechet_distance_of_shifted_and_scaled_crowds_is_the_closed_form() -> None:
    crowd = np.random.default_rng(1).normal(size=(400, 3))
    spread = np.cov(crowd, rowvar=False)
    assert frechet_distance(crowd, crowd) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(crowd + np.array([3, 0, 4]), crowd) == pytest.approx(25.0)
    centred = crowd - crowd.mean(axis=0)
    # Covariance 4C against C: tr(4C + C - 2 * 2C) = tr(C).
    assert frechet_distance(2 * centred, centred) == pytest.approx(np.trace(spread))


def test_iou_counts_pixels_over_all_maps() -> None:
    wanted = np.array([[[0, 0, 1, 1]]], np.uint8)
    made = np.array([[[0, 1, 1, 1]]], np.uint8)
    assert class_iou(made, wanted, 3)[:2] == pytest.approx([1 / 2, 2 / 3])
    assert math.isnan(class_iou(made, wanted, 3)[2])
    assert mean_iou(made, wanted, 3) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_edges_a_pixel_off_are_found_and_those_further_off_are_not() -> None:
    edges = np.zeros((1, 20, 20), np.uint8)
    edges[0, :, 5] = 255
    assert edge_f1(np.roll(edges, 1, axis=2), edges) == 1.0
    assert edge_f1(np.roll(edges, 6, axis=2), edges) == 0.0
    assert edge_f1(np.zeros_like(edges), np.zeros_like(edges)) == 1.0


def test_edges_drawn_twice_as_often_as_wanted_have_half_the_precision() -> None:
    wanted = np.zeros((1, 20, 20), np.uint8)
    wanted[0, :, 5] = 255
    made = wanted.copy()
    made[0, :, 12] = 255
    assert edge_f1(made, wanted) == pytest.approx(2 * 0.5 / 1.5)
