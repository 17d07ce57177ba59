"""Between picture files and tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from webui.contracts.errors import BadImage
from webui.engine.work import Pixels


def open_image(path: Path) -> Image.Image:
    """Read a picture file as RGB; what is transparent becomes white.

    Raises:
        BadImage: the file is missing or no picture.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadImage(
            f"The start image {path.name!r} cannot be read ({error}). Upload it again."
        ) from error
    white = Image.new("RGBA", upright.size, "white")
    return Image.alpha_composite(white, upright).convert("RGB")


def fit_image(image: Image.Image, width: int, height: int) -> Image.Image:
    """The largest centred part of the asked shape, resampled to the asked size."""
    if image.size == (width, height):
        return image
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


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
