"""Streams of values made by other processes."""

import os

import numpy as np

from webui.training.streams import Stream, random_source


def square(number: int) -> tuple[int, np.ndarray[tuple[int, ...], np.dtype[np.int64]], int]:
    """A value, and who made it."""
    return number * number, np.full(3, number), os.getpid()


def test_values_come_in_order_whoever_makes_them() -> None:
    here, there = Stream(square, workers=0, first=2), Stream(square, workers=2, first=2)
    alone, shared = ([next(stream) for _ in range(5)] for stream in (here, there))
    assert [value[0] for value in alone] == [value[0] for value in shared] == [4, 9, 16, 25, 36]
    assert all(isinstance(value[1], np.ndarray) for value in (*alone, *shared))
    assert {value[2] for value in alone} == {os.getpid()}
    assert len({value[2] for value in shared}) == 2
    assert os.getpid() not in {value[2] for value in shared}


def test_a_random_source_depends_on_the_number_and_the_seed_alone() -> None:
    drawn = [
        random_source(number, seed).random() for number, seed in ((1, 2), (1, 2), (2, 2), (1, 3))
    ]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3
