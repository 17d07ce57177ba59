"""How a picture to start from is taken in: its size, its steps, and the colours that it gives on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webui.contracts.parameters.start_image import CROP, RESIZE_AND_FILL
from webui.contracts.request import GenerationRequest
from webui.contracts.steps import MOST_OF_ALL, steps_of, strength_of
from webui.engine.extending import UNEXTENDED, Extending
from webui.engine.model import LoadedModel
from webui.engine.pixels import fit_image
from webui.engine.sampling_plan import Walk
from webui.engine.work import Pixels

Values = NDArray[np.float64]

_TO_XYZ: Values = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
"""Linear sRGB to XYZ (IEC 61966-2-1)."""
_WHITE: Values = _TO_XYZ.sum(1)
"""D65, what white has in XYZ."""


def resized(
    image: Image.Image,
    width: int,
    height: int,
    mode: str,
    resampling: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """The image at the asked size by one of AUTOMATIC1111's resize modes.

    'Crop and resize' keeps the largest centred part of the asked shape; 'Resize and fill' keeps all of
    it and repeats its edge beyond; the others stretch it.
    """
    if image.size == (width, height):
        return image
    if mode == CROP:
        return fit_image(image, width, height, resampling)
    if mode != RESIZE_AND_FILL:
        return image.resize((width, height), resampling)
    scale = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    values = np.asarray(image.resize(inner, resampling))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    sides = [(top, height - inner[1] - top), (left, width - inner[0] - left)]
    return Image.fromarray(np.pad(values, [*sides, (0, 0)][: values.ndim], mode="edge"))


def walk_of(
    request: GenerationRequest, model: LoadedModel, extensions: Extending = UNEXTENDED
) -> Walk:
    """The steps of a picture that starts from an image: the last ones of its schedule.

    With `exact_steps` the schedule is so long that the strength's share of it is the asked number.
    """
    steps = steps_of(request, model.checkpoint)
    if request.exact_steps and steps:
        longer = int(request.steps / min(strength_of(request), MOST_OF_ALL))
        request = request.model_copy(update={"steps": max(longer, steps)})
    checkpoint = model.checkpoint
    width, height = (
        request.width or checkpoint.native_width,
        request.height or checkpoint.native_height,
    )
    return Walk.of(request, model.levels_at(width, height), extensions).last(steps)


def with_colours_of_image(picture: Pixels, image: Image.Image) -> Pixels:
    """The picture with the image's colours at its own lightness.

    The two colour channels of CIE L*a*b* take the image's distribution of values, rank by rank, as
    AUTOMATIC1111's colour correction does; lightness stays the picture's.

    Args:
        picture: uint8 (H, W, 3).
        image: Of any size.
    """
    made, wanted = _lab(picture), _lab(np.asarray(image.convert("RGB")))
    for channel in (1, 2):
        made[..., channel] = _matched(made[..., channel], wanted[..., channel])
    return _from_lab(made)


def _matched(values: Values, wanted: Values) -> Values:
    """The values, each replaced by the one of its rank in `wanted`."""
    ranks = np.empty(values.size)
    ranks[np.argsort(values, axis=None, kind="stable")] = np.linspace(0, 1, values.size)
    ordered = np.sort(wanted, axis=None)
    matched = np.interp(ranks, np.linspace(0, 1, ordered.size), ordered)
    return matched.reshape(values.shape)


def _lab(pixels: Pixels) -> Values:
    """Levels of sRGB, uint8 (H, W, 3), in CIE L*a*b* (D65)."""
    levels = pixels.astype(np.float64) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _TO_XYZ.T / _WHITE
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), -1)


def _from_lab(lab: Values) -> Pixels:
    light, red, yellow = np.moveaxis(lab, -1, 0)
    y = (light + 16) / 116
    root = np.stack((y + red / 500, y, y - yellow / 200), -1)
    ratio = np.where(root**3 > 216 / 24389, root**3, (116 * root - 16) * 27 / 24389)
    linear = np.clip(ratio * _WHITE @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    levels = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    pixels: Pixels = np.round(levels * 255).clip(0, 255).astype(np.uint8)
    return pixels
