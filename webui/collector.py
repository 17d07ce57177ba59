"""Spells without a search for garbage, for what makes a great deal that stays: imports, records of files."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Spells:
    """Begun and ended by any threads; garbage is sought again when the last has ended."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._open = 0
        self._sought = True

    def begin(self) -> None:
        """Have no garbage sought from now on."""
        with self._turn:
            if self._open == 0:
                self._sought = gc.isenabled()
                gc.disable()
            self._open += 1

    def end(self) -> None:
        """Have it sought as before, unless another spell goes on."""
        with self._turn:
            self._open -= 1
            if self._open == 0 and self._sought:
                gc.enable()


_SPELLS = Spells()
"""Of the process, as the collector is."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Have no garbage sought in the block; what has no cycles is freed as ever."""
    _SPELLS.begin()
    try:
        yield
    finally:
        _SPELLS.end()


@contextmanager
def importing() -> Iterator[None]:
    """Have no garbage sought in the block, and never among what there is at its end.

    Libraries make hundreds of thousands of objects that stay, and the search looks at them again and again:
    a quarter of the processor time of importing torch and diffusers, a fifth of Gradio's, and later a
    quarter of a second in each thorough search.
    """
    with uncollected():
        yield
        gc.freeze()
