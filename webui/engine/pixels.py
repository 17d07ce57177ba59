"""Between picture files and tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from webui.contracts.errors import BadImage
from webui.contracts.pixels import eight_bits
from webui.engine.work import Pixels

CLASS_MODES = ("L", "P")
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I", "F")
LYING = (5, 6, 7, 8)
"""Orientations of Exif in which the rows of the file are the columns of the picture."""
DAMAGES = (OSError, UnidentifiedImageError, Image.DecompressionBombError)
"""What Pillow raises where a file is missing, no picture, or too large to be one."""


def open_image(path: Path, background: str = "white") -> Image.Image:
    """Read a picture file as RGB; what is transparent becomes the background's colour.

    Raises:
        BadImage: the file is missing or no picture.
    """
    upright = eight_bits(_opened(path)).convert("RGBA")
    behind = Image.new("RGBA", upright.size, background)
    return Image.alpha_composite(behind, upright).convert("RGB")


def open_mask_image(path: Path) -> Image.Image:
    """Read a mask at its own size, grey: white where to redraw, black where it is transparent.

    Raises:
        BadImage: the file is missing or no picture.
    """
    return open_image(path, "black").convert("L")


def open_see_through(path: Path) -> Image.Image:
    """How far a picture file is see-through, grey: white where nothing of it is seen.

    Raises:
        BadImage: the file is missing or no picture.
    """
    return ImageOps.invert(eight_bits(_opened(path)).convert("RGBA").getchannel("A"))


def open_class_numbers(path: Path) -> Image.Image:
    """Read a picture of class numbers at its own size, with one channel of them.

    Raises:
        BadImage: the file is missing, no picture, or one of colours rather than of numbers.
    """
    image = _opened(path)
    if image.mode not in CLASS_MODES:
        raise BadImage(
            f"The class map {path.name!r} is of mode {image.mode!r}; a PNG with one channel of "
            "class numbers (grey or palette) was expected."
        )
    return Image.fromarray(np.asarray(image))


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture file, upright; its pixels are not read.

    Raises:
        BadImage: the file is missing or no picture.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            lies = image.getexif().get(ExifTags.Base.Orientation, 1) in LYING
    except DAMAGES as error:
        raise _unreadable(path, error) from error
    return (height, width) if lies else (width, height)


def open_depths(path: Path) -> Image.Image:
    """Read a grey picture of 8 or 16 bits at its own size, as float32: larger is nearer.

    Raises:
        BadImage: the file is missing or no picture.
    """
    image = _opened(path)
    if image.mode not in DEEP_MODES:
        image = image.convert("L")
    return Image.fromarray(np.asarray(image).astype(np.float32))


def fit_image(
    image: Image.Image,
    width: int,
    height: int,
    resampling: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """The largest centred part of the asked shape, resampled to the asked size."""
    if image.size == (width, height):
        return image
    return ImageOps.fit(image, (width, height), resampling)


def to_tensor(image: Image.Image, multiple: int) -> Tensor:
    """(1, 3, H, W) in [-1, 1]; the right and lower edge repeat up to a multiple of `multiple`."""
    values = np.asarray(image, dtype=np.float32) / 127.5 - 1.0
    height, width = values.shape[:2]
    padding = ((0, -height % multiple), (0, -width % multiple), (0, 0))
    values = np.pad(values, padding, mode="edge")
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]


def to_pixels(tensor: Tensor, width: int, height: int) -> Pixels:
    """(3, H, W) in [-1, 1] to an array (height, width, 3) of uint8, cropped from the top left."""
    cropped = tensor[:, :height, :width].float()
    levels = (cropped * 127.5 + 127.5).round_().clamp_(0, 255).to(torch.uint8)
    pixels: Pixels = levels.permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image)
    except DAMAGES as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BadImage:
    return BadImage(f"The image {path.name!r} cannot be read ({error}). Upload it again.")
