"""Stands around the making of a picture, and draws its parts again when it is there."""

import cv2
import numpy as np

from webui.engine.programs.redraw import redraw
from webui.hooks.specs import hookimpl

from .finding import Box, find

MULTIPLE = 8
"""Of the sides of what is drawn."""
LEAST = 64
"""Pixels that a side has at least."""


@hookimpl
def wrap_program(program, order, model, arguments):
    """The program, and then its parts."""
    return detailed(program, order, model, arguments)


def detailed(program, order, model, wanted):
    """The picture of a program with the parts that are found in it drawn again."""
    picture = yield from program
    for box in find(picture, wanted.find, wanted.most):
        height, width = picture.shape[:2]
        outer = box.padded(wanted.padding, width, height)
        part = picture[outer.top : outer.bottom, outer.left : outer.right]
        size = drawn_size(outer, wanted.size or model.checkpoint.native_width)
        drawn = yield from redraw(order, model, part, size, wanted.strength, wanted.prompt)
        picture = put_back(picture, drawn, box, outer)
    return picture


def drawn_size(box: Box, longer: int) -> tuple[int, int]:
    """Width and height to draw a part at: its shape, its longer side as asked."""
    scale = longer / max(box.sides)
    width, height = (max(LEAST, round(side * scale / MULTIPLE) * MULTIPLE) for side in box.sides)
    return width, height


def put_back(picture: np.ndarray, drawn: np.ndarray, inner: Box, outer: Box) -> np.ndarray:
    """The picture with a part laid over it: all of it within its box, fading out over the padding."""
    shares = feathered(inner, outer)[..., None]
    small = cv2.resize(drawn, outer.sides, interpolation=cv2.INTER_AREA).astype(np.float32)
    whole = picture.copy()
    part = whole[outer.top : outer.bottom, outer.left : outer.right]
    part[...] = np.round(part + (small - part) * shares).astype(np.uint8)
    return whole


def feathered(inner: Box, outer: Box) -> np.ndarray:
    """How much of the new is laid over each pixel of the outer box, 0 to 1, (height, width)."""
    across = _ramp(outer.left, inner.left, inner.right, outer.right)
    down = _ramp(outer.top, inner.top, inner.bottom, outer.bottom)
    return down[:, None] * across


def _ramp(begin: int, full: int, until: int, end: int) -> np.ndarray:
    """Rises from 0 beside the first pixel to 1 at `full`, falls from `until` to 0 beside the last."""
    places = np.arange(begin, end) + 0.5
    rising = (places - begin) / max(full - begin, 0.5)
    falling = (end - places) / max(end - until, 0.5)
    smooth = np.clip(np.minimum(rising, falling), 0, 1)
    return (smooth * smooth * (3 - 2 * smooth)).astype(np.float32)
