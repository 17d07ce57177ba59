"""How what lies beside a start image is brought to the drawn size: as that image is.

A control picture or a map of the start image would steer elsewhere than it was seen, were the one stretched and the
other cropped. AUTOMATIC1111's ControlNet takes img2img's resize mode for the picture that it shares with it, and crops
others; here a picture is taken to be of the start image when it has its shape.
"""

from __future__ import annotations

from PIL import Image

from webui.contracts.parameters.start_image import CROP
from webui.engine.pixels import fit_image, size_of
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.start_image import resized


def laid_beside(
    order: PictureOrder,
    image: Image.Image,
    width: int,
    height: int,
    resampling: Image.Resampling,
) -> Image.Image:
    """A control picture, class map or depth map at the size that is drawn.

    Where only a part of the picture is drawn it is cut as that part is. Else one of the start image's shape is resized
    by the request's resize mode, and any other keeps its largest centred part.

    Raises:
        BadImage: the start image is missing or no picture.
    """
    if order.part is not None:
        return fit_image(order.part.cut(image, resampling), width, height, resampling)
    return resized(image, width, height, _mode(order, image.size), resampling)


def mask_beside(order: PictureOrder, mask: Image.Image, width: int, height: int) -> Image.Image:
    """The same of a grey mask, which has nothing beyond the picture's sides."""
    if order.part is not None:
        return fit_image(order.part.cut_mask(mask), width, height, Image.Resampling.BOX)
    return resized(mask, width, height, _mode(order, mask.size), Image.Resampling.BOX)


def _mode(order: PictureOrder, size: tuple[int, int]) -> str:
    path = None if order.request.image is None else order.images.get(order.request.image)
    if path is None or not _have_one_shape(size, size_of(path)):
        return CROP
    return order.request.resize_mode


def _have_one_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether they differ by no more than what one pixel of the smaller is, along either side."""
    (width, height), (wide, high) = size, other
    return abs(width * high - wide * height) <= max(*size, *other)
