"""Enlarging without a diffusion model: by a network, by an extension's upscaler, or each pixel a weighing of the image's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from webui.contracts.ids import AdapterId
from webui.contracts.parameters.drawing import SIZE_MULTIPLE
from webui.contracts.parameters.upscaling import LANCZOS, NEAREST, USUAL_FACTOR
from webui.engine.model import LoadedModel
from webui.engine.pixels import open_image
from webui.engine.programs.network_upscale import through_network
from webui.engine.programs.order import PictureOrder
from webui.engine.work import Pixels, Program, Task

RESAMPLING: Mapping[str, Image.Resampling] = {
    LANCZOS: Image.Resampling.LANCZOS,
    NEAREST: Image.Resampling.NEAREST,
}


def resample(order: PictureOrder, model: LoadedModel) -> Program:
    """The image enlarged by the request's upscaler; a network's result is resampled to the factor."""
    return (yield from enlarged_by(order.request.upscaler, order, model))


def enlarged_by(upscaler: str, order: PictureOrder, model: LoadedModel) -> Program:
    """The same by any network or way of resampling."""
    request = order.request
    image = open_image(order.file(request.image, "image"), request.background)
    factor = request.upscale_factor or USUAL_FACTOR
    if upscaler in RESAMPLING:
        return enlarged(image, factor, order.size(model), RESAMPLING[upscaler])
    wide, high = round(image.width * factor), round(image.height * factor)
    large = yield from through_upscaler(upscaler, order, model, image, (wide, high))
    exact = large.resize((wide, high), Image.Resampling.LANCZOS)
    return enlarged(exact, 1.0, order.size(model), Image.Resampling.LANCZOS)


def through_upscaler(
    upscaler: str,
    order: PictureOrder,
    model: LoadedModel,
    image: Image.Image,
    size: tuple[int, int],
) -> Task[Image.Image]:
    """The image by a network or by an extension's upscaler, about so wide and high; a file goes first.

    Raises:
        BadRequest: there is none of this name.
        HookFailed: it is an extension's, and failed.
    """
    own = None if AdapterId(upscaler) in order.adapters else order.extensions.upscaler(upscaler)
    if own is None:
        return (yield from through_network(model, order.upscaler(upscaler), image, *size))
    return Image.fromarray((yield from own(np.asarray(image.convert("RGB")).copy(), *size)))


def enlarged(
    image: Image.Image, factor: float, size: tuple[int, int], resampling: Image.Resampling
) -> Pixels:
    """The image `factor` times as wide and high, cut to (width, height).

    Sides of a request are multiples of eight: less than that is cut at the right and bottom. More is cut where
    another shape is asked for, at both sides alike.
    """
    large = image.resize((round(image.width * factor), round(image.height * factor)), resampling)
    width, height = min(size[0], large.width), min(size[1], large.height)
    left, top = _before(large.width - width), _before(large.height - height)
    return np.asarray(large.crop((left, top, left + width, top + height))).copy()


def _before(cut: int) -> int:
    """Pixels that are cut off at the left or top, of all that are."""
    return cut // 2 if cut >= SIZE_MULTIPLE else 0
