"""Holes, and what is right in them."""

import numpy as np
import pytest

from webui.training.evaluation.inpaint import (
    ROWS,
    Hole,
    holes,
    largest_error_outside,
    score_holes,
)
from webui.training.judge import truth


@pytest.fixture(scope="module")
def dug() -> list[Hole]:
    return holes(30, 64)


def test_a_hole_is_where_its_thing_belongs_and_the_given_picture_never_had_it(
    dug: list[Hole],
) -> None:
    for hole in dug:
        missing = np.abs(hole.true.astype(int) - hole.given).sum(axis=2) > 60
        inside = hole.mask == 255
        assert set(np.unique(hole.mask)) == {0, 255}
        assert missing[inside].any()
        assert missing[inside].sum() > 0.9 * missing.sum()
        assert hole.said.said_things
        assert hole.mention in hole.said.said_things


def test_truth_fills_every_hole_and_other_scenes_few(dug: list[Hole]) -> None:
    true = [truth(hole.said.scene) for hole in dug]
    scores = score_holes(dug, true)
    assert tuple(scores) == ROWS
    assert all(share.share == 1.0 for share in scores.values())
    assert score_holes(dug, [*true[1:], true[0]])[ROWS[0]].share < 0.4


def test_an_error_outside_of_a_hole_is_seen_and_one_inside_is_not(dug: list[Hole]) -> None:
    given = np.stack([hole.given for hole in dug])
    assert largest_error_outside(dug, given) == 0
    inside, outside = given.copy(), given.copy()
    inside[np.stack([hole.mask for hole in dug]) > 0] = 0
    assert largest_error_outside(dug, inside) == 0
    row, column = np.argwhere(dug[0].mask == 0)[0]
    outside[0, row, column, 1] ^= 4
    assert largest_error_outside(dug, outside) == 4
