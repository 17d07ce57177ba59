"""What every reader of stored pictures must know of their modes."""

from __future__ import annotations

from PIL import Image


def eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen-bit greys scaled to mode L; every other picture as it is.

    Pillow's own conversion would cut them off at 255.
    """
    if not image.mode.startswith("I;16") and image.mode != "I":
        return image
    return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
