"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path

import numpy as np

from webui.hooks.loading import load_module
from webui.hooks.manifest import read_manifest

worker = load_module(read_manifest(Path(__file__).resolve().parents[1]), "worker")
DARK, LIGHT = (20, 30, 40), (200, 210, 220)


def drawn(*rows: str) -> np.ndarray:
    """A picture of dark and light pixels: '#' and '.'."""
    shades = [[DARK if each == "#" else LIGHT for each in row] for row in rows]
    return np.array(shades, np.uint8)


def test_a_step_becomes_a_slope() -> None:
    made = worker.doubled(drawn("#..", "##.", "###"))
    wanted = drawn("##....", "###...", "###...", "####..", "######", "######")
    assert (made == wanted).mean() > 0.9  # the ends of the slope are the edge's
    assert np.array_equal(made[1:4, 1:4], wanted[1:4, 1:4])


def test_what_is_straight_stays_straight() -> None:
    for rows in (("##..", "##.."), ("####", "....")):
        picture = drawn(*rows)
        assert np.array_equal(worker.doubled(picture), picture.repeat(2, 0).repeat(2, 1))


def test_it_doubles_as_often_as_the_size_asks_for_and_makes_no_colour() -> None:
    picture = np.random.default_rng(7).integers(0, 4, (6, 5, 1), np.uint8).repeat(3, 2) * 60
    made = worker.scale2x(picture, 15, 18)
    assert made.shape == (24, 20, 3)
    assert set(np.unique(made)) <= set(np.unique(picture))
    assert worker.scale2x(picture, 5, 6) is picture
