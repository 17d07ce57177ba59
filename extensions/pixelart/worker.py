"""Scale2x (Mazzoleni 2001): a pixel becomes four, and a corner takes its two neighbours' colour where they agree."""

from collections.abc import Mapping

import numpy as np

from webui.hooks.specs import hookimpl

from .about import SCALE2X


@hookimpl
def upscaler_functions() -> Mapping:
    """The upscaler, by what `studio.py` says of it."""
    return {SCALE2X: scale2x}


def scale2x(pixels, width, height):
    """Doubled until it is as large as asked for."""
    while pixels.shape[1] < width or pixels.shape[0] < height:
        pixels = doubled(pixels)
    return pixels


def doubled(pixels: np.ndarray) -> np.ndarray:
    """(2 H, 2 W, 3) of (H, W, 3); beyond the edges the picture goes on as it ends."""
    wider = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), "edge")
    above, below, left, right = wider[:-2, 1:-1], wider[2:, 1:-1], wider[1:-1, :-2], wider[1:-1, 2:]
    large = pixels.repeat(2, axis=0).repeat(2, axis=1)
    for row, near, far in ((0, above, below), (1, below, above)):
        for column, beside, across in ((0, left, right), (1, right, left)):
            takes = same(near, beside) & ~same(near, across) & ~same(beside, far)
            corner = large[row::2, column::2]
            corner[takes] = near[takes]
    return large


def same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(H, W): where two pictures have one colour."""
    return (one == other).all(axis=2)
