"""Drawing a picture on beyond its sides: what is new, and how it meets what was there.

The frame is part of the mask, so every model that inpaints outpaints. It begins with the picture
mirrored at its sides. The model redraws a strip of the picture too, so that it can lead up to its own
lines; over that strip and a little more the new is laid over the old by degrees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webui.contracts.frame import Frame
from webui.engine.work import Pixels

Depths = NDArray[np.float64]

REDRAWN = 0.75
"""Share of the overlap that the model draws anew, from the picture's side inwards: its own edge then lies
where little of the new is laid over (measured: least seen with the starter's model)."""


def mirrored_beyond(image: Image.Image, frame: Frame) -> Image.Image:
    """The image with itself, mirrored at its sides, in the frame; as often as the frame is wide."""
    values = np.asarray(image)
    sides = [(frame.top, frame.bottom), (frame.left, frame.right), (0, 0)]
    return Image.fromarray(np.pad(values, sides[: values.ndim], mode="symmetric"))


def in_frame(mask: Pixels, frame: Frame) -> Pixels:
    """A mask (H, W) of the picture with black in the frame."""
    return np.pad(mask, ((frame.top, frame.bottom), (frame.left, frame.right)))


def redrawn(frame: Frame, overlap: int) -> Pixels:
    """255 where the model draws, (H, W) with the frame: the frame and a strip of the picture."""
    strip = overlap * REDRAWN
    drawn: Pixels = np.where(_depth(frame) <= strip, 255, 0).astype(np.uint8)
    return drawn


def laid_over(frame: Frame, overlap: int) -> Pixels:
    """How much of the new is laid over the old, (H, W) with the frame: all of it in the frame.

    From the picture's side inwards it falls to 0 over the overlap, smoothly at both ends.
    """
    share = np.clip(1 - _depth(frame) / (overlap or 1e-9), 0, 1)
    smooth: Pixels = np.round(255 * share * share * (3 - 2 * share)).astype(np.uint8)
    return smooth


def _depth(frame: Frame) -> Depths:
    """How many pixels inside the nearest drawn-on side a pixel's middle lies; 0 in the frame."""
    width, height = frame.picture
    across = _inside(frame.left, width, frame.right)
    down = _inside(frame.top, height, frame.bottom)
    both: Depths = np.minimum(across[None, :], down[:, None])
    return both


def _inside(before: int, length: int, after: int) -> Depths:
    """The same along one side of the picture; without end where neither end of it is drawn on."""
    places = np.arange(-before, length + after) + 0.5
    depth = np.full(places.size, np.inf)
    if before:
        depth = np.minimum(depth, places)
    if after:
        depth = np.minimum(depth, length - places)
    inside: Depths = np.maximum(depth, 0)
    return inside
