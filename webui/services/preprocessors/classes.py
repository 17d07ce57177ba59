"""Maps of classes, from numbers to the colours that a controlnet was trained with."""

from __future__ import annotations

import numpy as np

from webui.contracts.palette import KNOWN, colours_of
from webui.contracts.preprocessor import Pixels, Values

_ALL = 256


def class_colours(image: Pixels, values: Values) -> Pixels:  # noqa: ARG001 - it has no settings
    """Each number of a class map in the colour that the starter's controlnet and the page have for it."""
    names = [*KNOWN, *(f"class {i}" for i in range(len(KNOWN), _ALL))]
    table = np.array(colours_of(names), np.uint8)
    return np.asarray(table[image[..., 0]], np.uint8)
