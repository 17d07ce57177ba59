"""Holes, and what is right in them."""

import numpy as np

from webui.training.evaluation.inpaint import ROWS, holes, largest_error_outside, score_holes
from webui.training.judge import truth

DUG = holes(30, 64)


def test_a_hole_is_where_its_thing_belongs_and_the_given_picture_never_had_it() -> None:
    for hole in DUG:
        missing = np.abs(hole.true.astype(int) - hole.given).sum(axis=2) > 60
        inside = hole.mask == 255
        assert set(np.unique(hole.mask)) == {0, 255}
        assert missing[inside].any()
        assert missing[inside].sum() > 0.9 * missing.sum()
        assert hole.said.said_things
        assert hole.mention in hole.said.said_things


def test_truth_fills_every_hole_and_other_scenes_few() -> None:
    true = [truth(hole.said.scene) for hole in DUG]
    scores = score_holes(DUG, true)
    assert tuple(scores) == ROWS
    assert all(share.share == 1.0 for share in scores.values())
    assert score_holes(DUG, [*true[1:], true[0]])[ROWS[0]].share < 0.4


def test_an_error_outside_of_a_hole_is_seen_and_one_inside_is_not() -> None:
    given = np.stack([hole.given for hole in DUG])
    assert largest_error_outside(DUG, given) == 0
    inside, outside = given.copy(), given.copy()
    inside[np.stack([hole.mask for hole in DUG]) > 0] = 0
    assert largest_error_outside(DUG, inside) == 0
    row, column = np.argwhere(DUG[0].mask == 0)[0]
    outside[0, row, column, 1] ^= 4
    assert largest_error_outside(DUG, outside) == 4
