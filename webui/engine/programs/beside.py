"""How what lies beside a start image is brought to the drawn size: as that image, unless it is told otherwise.

A control picture or a map of the start image would steer elsewhere than it was seen, were the one stretched and the
other cropped. AUTOMATIC1111's ControlNet takes img2img's resize mode for the picture that it shares with it, and each
unit's own for others; here a picture is taken to be of the start image when it has its shape, and a unit may say a mode.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from PIL import Image

from webui.contracts.conditions import AUTOMATIC_RESIZE, ControlResize
from webui.contracts.parameters.start_image import CROP, RESIZE_AND_FILL
from webui.engine.pixels import fit_image, size_of
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.part import Fit
from webui.engine.programs.start_image import resized

BEYOND = 255
"""What a mask of what is hidden has where a picture that is filled out shows nothing."""


def laid_beside(
    order: PictureOrder,
    image: Image.Image,
    width: int,
    height: int,
    resampling: Image.Resampling,
    mode: ControlResize = AUTOMATIC_RESIZE,
) -> Image.Image:
    """A control picture, class map or depth map at the size that is drawn.

    Where only a part of the picture is drawn it is brought to the picture's size and cut as that part is. `mode` says
    how; the automatic one resizes a picture of the start image's shape by the request's resize mode, and of any other
    keeps the largest centred part.

    Raises:
        BadImage: the start image is missing or no picture.
    """
    said = None if mode == AUTOMATIC_RESIZE else _by(mode)
    if order.part is not None:
        whole = order.part.cut(image, resampling, said or fit_image)
        return fit_image(whole, width, height, resampling)
    if said is not None:
        return said(image, width, height, resampling)
    return resized(image, width, height, _mode(order, image.size), resampling)


def mask_beside(
    order: PictureOrder,
    mask: Image.Image,
    width: int,
    height: int,
    mode: ControlResize = AUTOMATIC_RESIZE,
) -> Image.Image:
    """The same of a grey mask, which has nothing beyond the picture's sides.

    One of a control picture goes by the `mode` of that, and is white where that was filled out.
    """
    said = None if mode == AUTOMATIC_RESIZE else _by(mode, BEYOND)
    box = Image.Resampling.BOX
    if order.part is not None:
        return fit_image(order.part.cut_mask(mask, said or fit_image), width, height, box)
    if said is not None:
        return said(mask, width, height, box)
    return resized(mask, width, height, _mode(order, mask.size), box)


def _by(mode: ControlResize, beyond: int | None = None) -> Fit:
    """Resizing by a unit's own mode; `beyond` is what is filled with, by default a colour of the edge."""
    if mode == RESIZE_AND_FILL:
        return partial(_filled_out, beyond=beyond)
    return lambda image, width, height, resampling: resized(image, width, height, mode, resampling)


def _filled_out(
    image: Image.Image,
    width: int,
    height: int,
    resampling: Image.Resampling,
    beyond: int | None,
) -> Image.Image:
    """The whole image in the middle, and beyond it one colour.

    As AUTOMATIC1111's ControlNet does it, which takes the median of the edge: the edge drawn out, as of a start image, would
    make long lines of all that touches it. Here it is the edge's own colour that is closest to the median, for no colour
    of a class map may be mixed of others.
    """
    scale = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    values = np.asarray(image)
    edge = np.concatenate((values[0], values[-1], values[:, 0], values[:, -1])).astype(np.int64)
    edge = edge.reshape(len(edge), -1)
    distance = np.abs(edge - np.median(edge, axis=0)).sum(1)
    colour = tuple(edge[distance.argmin()].tolist()) if beyond is None else (beyond,)
    filled = Image.new(image.mode, (width, height), colour if len(colour) > 1 else colour[0])
    at = (width - inner[0]) // 2, (height - inner[1]) // 2
    filled.paste(image.resize(inner, resampling), at)
    return filled


def _mode(order: PictureOrder, size: tuple[int, int]) -> str:
    path = None if order.request.image is None else order.images.get(order.request.image)
    if path is None or not _have_one_shape(size, size_of(path)):
        return CROP
    return order.request.resize_mode


def _have_one_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether they differ by no more than what one pixel of the smaller is, along either side."""
    (width, height), (wide, high) = size, other
    return abs(width * high - wide * height) <= max(*size, *other)
