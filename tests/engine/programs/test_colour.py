"""Broad colours of the small picture in the large one."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from webui.engine.programs.colour import disagreement, with_colours_of


def small_picture(pixels: NDArray[np.uint8]) -> torch.Tensor:
    values = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1)
    return values.permute(2, 0, 1)[None]


@pytest.mark.parametrize("softness", [0.0, 1.0])
def test_a_wrong_colour_is_made_right_and_details_stay(softness: float) -> None:
    rng = np.random.default_rng(0)
    small = np.full((6, 8, 3), (90, 140, 60), np.uint8)
    detail = rng.integers(-8, 9, (24, 32, 1))
    detail -= np.round(detail.reshape(6, 4, 8, 4, 1).mean((1, 3), keepdims=True)).astype(int).repeat(4, 1).repeat(4, 3).reshape(24, 32, 1)  # fmt: skip
    drawn = (np.array((120, 120, 80)) + detail).astype(np.uint8)
    made = with_colours_of(small_picture(small), drawn, 4, softness).astype(int)
    assert np.abs(made.mean((0, 1)) - (90, 140, 60)).max() < 1
    assert np.abs((made - made.mean((0, 1))) - (drawn - drawn.mean((0, 1)))).max() < 4


def test_noise_of_the_small_picture_comes_back_only_without_softness() -> None:
    rng = np.random.default_rng(0)
    clean = np.full((128, 128, 3), 120, np.uint8)
    noisy = small_picture((120 + rng.normal(0, 20, (32, 32, 3))).clip(0, 255).astype(np.uint8))
    hard, soft = (with_colours_of(noisy, clean, 4, softness) for softness in (0.0, 2.0))
    assert soft.std() < 0.3 * hard.std()


def textured() -> NDArray[np.uint8]:
    """Squares of two pixels of the small picture: as much of the finest detail as there can be."""
    board = np.indices((16, 16)).sum(0) % 2 * 40 + 100
    return np.repeat(np.kron(board, np.ones((8, 8)))[..., None], 3, 2).astype(np.uint8)


def shrunk(large: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = large.shape[:2]
    means = large.reshape(height // 4, 4, width // 4, 4, 3).mean((1, 3))
    return np.asarray(means, np.uint8)


def test_a_plain_small_picture_is_followed_to_the_pixel() -> None:
    large = textured()
    small = shrunk(large).astype(int)
    small[10:12, 10:12] += 20  # something that was not drawn
    made = with_colours_of(small_picture(small.astype(np.uint8)), large, 4)
    assert np.abs(shrunk(made).astype(int) - small).max() <= 6


def test_noise_and_blur_of_the_small_picture_do_not_come_back() -> None:
    large, rng = textured(), np.random.default_rng(0)
    small = shrunk(large).astype(float)
    noisy = (small + rng.normal(0, 15, small.shape)).clip(0, 255).astype(np.uint8)
    blurred = np.full_like(noisy, round(float(small.mean())))
    for spoiled in (noisy, blurred):
        hard, measured = (
            with_colours_of(small_picture(spoiled), large, 4, softness).astype(int) - large
            for softness in (0.0, None)
        )
        assert measured.std() < 0.3 * hard.std()


def test_a_plain_picture_is_explained_by_what_was_drawn_from_it_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    drawn = torch.from_numpy(rng.normal(120, 10, (1, 3, 32, 32)))
    noise = torch.from_numpy(rng.normal(0, 1, (1, 3, 32, 32)))
    assert disagreement(0.1 * noise, drawn) < 0.02
    assert disagreement(120 - drawn, drawn) == pytest.approx(1)  # all of its detail is missing
    assert disagreement(20 * noise, drawn) > 1.8
    flat = torch.full((1, 3, 1, 9), 120.0)
    assert disagreement(flat, flat) == 0


def test_a_picture_whose_border_was_cut_keeps_its_size() -> None:
    small = small_picture(np.full((8, 8, 3), 200, np.uint8))
    made = with_colours_of(small, np.full((22, 30, 3), 100, np.uint8), 4)
    assert made.shape == (22, 30, 3)
    assert made.dtype == np.uint8
    assert np.abs(made.astype(int) - 200).max() <= 1


def test_a_picture_that_is_right_already_is_left_alone() -> None:
    large = np.repeat(np.repeat(np.arange(0, 192, 3, np.uint8).reshape(8, 8, 1), 4, 0), 4, 1)
    large = np.repeat(large, 3, 2)
    assert np.array_equal(with_colours_of(small_picture(large[::4, ::4]), large, 4), large)
