"""Stored pictures through a preprocessor: the outcome is a stored picture too, equal ones have one id."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from webui.contracts.errors import BadImage, FieldProblem, InvalidField
from webui.contracts.ids import ImageId
from webui.contracts.pixels import eight_bits
from webui.services.images import ImageStore
from webui.services.preprocessors import PREPROCESSORS, Preprocessor

MOST = 2048
"""Pixels along the longer side; larger pictures are made smaller first."""


def preprocess(
    images: ImageStore,
    image: ImageId,
    name: str,
    settings: Mapping[str, float],
    others: Sequence[Preprocessor] = (),
) -> ImageId:
    """What a preprocessor makes of a stored picture; `others` are there beside Easel's own.

    Raises:
        NotFound: no such picture.
        InvalidField: no such preprocessor, or a setting that it has not or that is out of range.
        BadImage: it wants a picture of numbers, and this one is coloured.
        HookFailed: the extension that it is of failed.
    """
    every = (*PREPROCESSORS, *others)
    chosen = next((each for each in every if each.name == name), None)
    if chosen is None:
        known = ", ".join(each.name for each in every)
        raise InvalidField([FieldProblem("preprocessor", repr(name)[:100], f"one of {known}")])
    values = chosen.values(settings)
    with Image.open(images.path(image), formats=("PNG",)) as opened:
        pixels = _pixels(opened, chosen)
    made = chosen.run(pixels, values)
    out = io.BytesIO()
    Image.fromarray(made).save(out, "PNG", compress_level=4)
    return images.put(out.getvalue())


def _pixels(
    image: Image.Image, chosen: Preprocessor
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(H, W, 3) of uint8."""
    if chosen.keeps_numbers:
        if image.mode not in ("L", "P"):
            raise BadImage(
                f"The preprocessor {chosen.name!r} wants a grey or palette picture of class numbers, and this "
                f"one is of mode {image.mode!r}."
            )
        numbers = Image.fromarray(np.asarray(image))
        numbers.thumbnail((MOST, MOST), Image.Resampling.NEAREST)
        return np.repeat(np.asarray(numbers, np.uint8)[..., None], 3, axis=2)
    plain = eight_bits(image).convert("RGBA")
    behind = Image.new("RGBA", plain.size, "white")
    whole = Image.alpha_composite(behind, plain).convert("RGB")
    whole.thumbnail((MOST, MOST), Image.Resampling.LANCZOS)
    return np.asarray(whole, np.uint8).copy()
