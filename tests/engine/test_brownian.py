"""One path for every walk."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from webui.engine.brownian import BrownianPath, Values

SHAPE = (1, 4, 32, 32)


def increments(path: BrownianPath, sigmas: list[float]) -> list[Values]:
    return [path.increment(*pair) for pair in itertools.pairwise(sigmas)]


def levels(steps: int) -> list[float]:
    return [14.6 * (0.03 / 14.6) ** (i / steps) for i in range(steps + 1)]


def test_increments_are_standard_normal_and_unrelated() -> None:
    drawn = np.stack(increments(BrownianPath(3, SHAPE), levels(16)))
    assert np.abs(drawn.mean(1)).max() < 0.06
    assert np.abs(drawn.std(1) - 1).max() < 0.04
    assert np.abs(np.corrcoef(drawn) - np.eye(16)).max() < 0.07


def test_fewer_steps_walk_the_same_path() -> None:
    fine = increments(BrownianPath(3, SHAPE), levels(16))
    coarse = increments(BrownianPath(3, SHAPE), levels(8))
    for i, whole in enumerate(coarse):
        assert whole == pytest.approx((fine[2 * i] + fine[2 * i + 1]) / math.sqrt(2), abs=1e-4)


def test_an_increment_depends_on_the_seed_and_the_levels_alone() -> None:
    asked_before = BrownianPath(3, SHAPE)
    increments(asked_before, levels(5))
    alone = BrownianPath(3, SHAPE).increment(2.0, 1.0)
    assert np.array_equal(asked_before.increment(2.0, 1.0), alone)
    assert np.array_equal(BrownianPath(3, SHAPE).increment(1.0, 2.0), -alone)
    assert abs(np.corrcoef(BrownianPath(4, SHAPE).increment(2.0, 1.0), alone)[0, 1]) < 0.06


def test_two_levels_that_are_one_still_give_noise() -> None:
    path = BrownianPath(3, SHAPE)
    first, second = path.increment(1.0, 1.0), path.increment(1.0, 1.0)
    assert first.std() == pytest.approx(1, abs=0.04)
    assert not np.array_equal(first, second)
