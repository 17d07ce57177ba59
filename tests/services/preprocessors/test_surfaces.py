from __future__ import annotations

import numpy as np

from webui.services.preprocessors.surfaces import (
    blur,
    depth,
    grey,
    invert,
    normals,
    threshold,
    tile,
)


def slope(across: bool) -> np.ndarray:  # type: ignore[type-arg]
    """Nearer towards the right, or towards the lower edge."""
    ramp = np.tile(np.arange(60, 124, dtype=np.uint8), (64, 1))
    return np.repeat((ramp if across else ramp.T)[..., None], 3, axis=2)


def test_depth_is_stretched_and_turned_round() -> None:
    plain, turned = (depth(slope(across=True), {"invert": i})[0, :, 0] for i in (0, 1))
    assert (plain[0], plain[-1]) == (0, 255)
    assert (turned[0], turned[-1]) == (255, 0)


def test_a_surface_that_comes_nearer_to_the_right_faces_left() -> None:
    usual = {"strength": 8.0, "softness": 1.0}
    left = normals(slope(across=True), usual)[32, 32].astype(int)
    up = normals(slope(across=False), usual)[32, 32].astype(int)
    flat = normals(np.full((8, 8, 3), 90, np.uint8), usual)[4, 4].astype(int)
    assert left[0] < 120
    assert abs(left[1] - 128) <= 1
    assert up[1] > 136
    assert list(flat) == [128, 128, 255]


def test_normals_are_of_length_one() -> None:
    facing = normals(slope(across=True), {"strength": 20.0, "softness": 0.0}) / 127.5 - 1
    assert np.abs(np.linalg.norm(facing, axis=2) - 1).max() < 0.02


def test_tiles_and_blur_lose_detail_and_keep_the_mean() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for made in (tile(noise, {"factor": 8.0}), blur(noise, {"sigma": 6.0})):
        assert made.std() < noise.std() / 3
        assert abs(made.mean() - noise.mean()) < 3


def test_grey_has_no_colour_left() -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    made, darker = (grey(red, {"gamma": g})[0, 0] for g in (1.0, 2.0))
    assert made[0] == made[1] == made[2]
    assert darker[0] < made[0]


def test_a_threshold_is_given_or_found() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, :4], image[:, 4:] = 60, 120
    assert threshold(image, {"level": 200})[0, 7, 0] == 0
    found = threshold(image, {"level": 0})[0, :, 0]
    assert (found[0], found[7]) == (0, 255)


def test_inverting_twice_changes_nothing() -> None:
    image = slope(across=True)
    assert np.array_equal(invert(invert(image, {}), {}), image)
