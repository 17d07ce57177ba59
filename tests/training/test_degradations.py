"""Small, spoiled pictures."""

import cv2
import numpy as np
import pytest

from webui.training.degradations import (
    RESIZES,
    DegradationSettings,
    add_noise,
    blur,
    degrade,
    enlarge,
    gaussian_kernel,
    shrink,
    through_jpeg,
)
from webui.training.scenes import draw_truth

PICTURE = draw_truth(3, 64).pictures


def test_every_way_down_gives_a_quarter_of_the_side_and_keeps_places() -> None:
    flat = np.full((64, 48, 3), 90, np.uint8)
    flat[:32] = 200
    for how in RESIZES:
        small = shrink(flat, 4, how)
        assert small.shape == (16, 12, 3)
        assert (small[:7] > 195).all()
        assert (small[9:] < 95).all()


def test_half_of_the_pictures_are_plain_and_the_others_are_worse() -> None:
    rng, settings = np.random.default_rng(0), DegradationSettings()
    plain = [shrink(PICTURE, 4, how).astype(int) for how in ("bicubic", "area")]
    made = [degrade(PICTURE, 4, settings, rng).astype(int) for _ in range(200)]
    exact = [min(np.abs(small - one).max() for one in plain) == 0 for small in made]
    assert 70 < sum(exact) < 130
    error = [float(np.abs(small - plain[1]).mean()) for small in made]
    assert max(error) > 6


def test_the_same_random_source_spoils_alike() -> None:
    first, second = (
        [degrade(PICTURE, 4, DegradationSettings(plain=0), rng) for _ in range(5)]
        for rng in (np.random.default_rng(1), np.random.default_rng(1))
    )
    assert np.array_equal(first, second)


def test_a_kernel_is_normalised_and_longer_along_its_axis() -> None:
    kernel = gaussian_kernel(2.0, 0.5, 0.0)
    assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
    middle = len(kernel) // 2
    assert kernel[middle, middle + 2] > 10 * kernel[middle + 2, middle]
    turned = gaussian_kernel(2.0, 0.5, np.pi / 2)
    assert np.allclose(turned, kernel.T, atol=1e-6)


def test_blur_softens_noise_roughens_and_jpeg_leaves_blocks() -> None:
    rng = np.random.default_rng(0)
    sharpness = cv2.Laplacian(PICTURE, cv2.CV_32F).std()
    assert cv2.Laplacian(blur(PICTURE, rng, (2.0, 2.4)), cv2.CV_32F).std() < 0.6 * sharpness
    grey = np.full((64, 64, 3), 128, np.uint8)
    spread = [float(add_noise(grey, rng, 15.0).std()) for _ in range(60)]
    assert 10 < max(spread) < 17
    coded = through_jpeg(PICTURE, rng, (50, 50)).astype(int)
    assert 0.5 < np.abs(coded - PICTURE).mean() < 10


def test_bicubic_enlargement_comes_close_to_a_smooth_picture() -> None:
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 64, axis=0).repeat(3, axis=2)
    large = enlarge(shrink(ramp, 4, "area"), 4).astype(int)
    assert np.abs(large - ramp)[:, 8:-8].max() <= 2
