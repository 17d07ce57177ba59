"""A Brownian path over noise levels, from a seed alone: what the solvers of the SDE draw from.

Values are found by halving: the path at the middle of an interval, given both ends, is their mean
plus noise of half the interval's standard deviation (Levy's construction). A node's noise comes
from the seed and the node's number, so that runs with other steps, or in another order, walk the
same path; only where two levels share a finest interval does the order of questions count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

LOWEST, HIGHEST = 1e-3, 1e4
"""Noise levels at which the path begins and ends; its time is their logarithm."""
DEPTH = 10
"""Halvings; the finest interval is a factor of 1.016, as narrow as a step of four hundred."""
_KEY = 0x42726F776E69616E
_PLACES = 2**40
"""Places that are told apart: rounding must not make two of one level."""


class BrownianPath:
    """W(t) of one picture."""

    def __init__(self, seed: int, shape: Sequence[int]) -> None:
        """`seed` and the shape of the noise, which is kept in rows of float32."""
        self._seed = seed
        self._count = math.prod(shape)
        self._span = math.log(HIGHEST / LOWEST)
        self._known: dict[float, Values] = {
            0.0: np.zeros(self._count, np.float32),
            1.0: self._normal(1) * np.float32(math.sqrt(self._span)),
        }
        """Places in [0, 1] to values of the path."""
        self._asked = 0

    def increment(self, start: float, end: float) -> Values:
        """The path's change between two noise levels, at unit variance; their order is its sign."""
        first, last = self._place(start), self._place(end)
        if first == last:
            self._asked += 1
            return self._normal(-self._asked)
        scale = np.float32(1 / math.sqrt(abs(last - first) * self._span))
        return (self._at(first) - self._at(last)) * scale

    def _place(self, sigma: float) -> float:
        clamped = min(max(sigma, LOWEST), HIGHEST)
        return round(math.log(clamped / LOWEST) / self._span * _PLACES) / _PLACES

    def _at(self, place: float) -> Values:
        if place in self._known:
            return self._known[place]
        low, high, node = 0.0, 1.0, 1
        for _ in range(DEPTH):
            middle = (low + high) / 2
            if middle not in self._known:
                self._bridge(low, middle, high, self._normal(node + 1))
            if place == middle:
                return self._known[middle]
            low, high, node = (
                (low, middle, 2 * node) if place < middle else (middle, high, 2 * node + 1)
            )
        beside = sorted(known for known in self._known if low <= known <= high)
        before = max(known for known in beside if known < place)
        after = min(known for known in beside if known > place)
        self._bridge(before, place, after, self._normal(2 ** (DEPTH + 1) + int(place * _PLACES)))
        return self._known[place]

    def _bridge(self, low: float, place: float, high: float, normal: Values) -> None:
        """The path at a place between two known ones: a Brownian bridge."""
        share = (place - low) / (high - low)
        spread = math.sqrt(share * (1 - share) * (high - low) * self._span)
        mean = self._known[low] * np.float32(1 - share) + self._known[high] * np.float32(share)
        self._known[place] = mean + normal * np.float32(spread)

    def _normal(self, node: int) -> Values:
        """Standard normal values of a node: raw Philox words, which no library's version changes."""
        key = np.array([self._seed ^ _KEY, node % 2**64], np.uint64)
        words = np.random.Philox(key=key).random_raw(-(-self._count // 2))
        first, second = words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)
        radius = np.sqrt(-2 * np.log((first + 0.5) * 2.0**-32))
        angle = (second + 0.5) * (2.0**-32 * 2 * math.pi)
        values = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
        normal: Values = values[: self._count].astype(np.float32)
        return normal
