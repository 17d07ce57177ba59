"""Masks: what is redrawn, how its edge is mixed, and what drawing begins with under it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from PIL import Image, ImageFilter

from webui.engine.work import Pixels

FILL_BLURS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))
"""Radius in pixels and how often it is laid, from far to near: AUTOMATIC1111's 'fill'."""


@dataclass(frozen=True)
class Region:
    """A rectangle of whole pixels, right and lower side excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """As Pillow takes it."""
        return self.left, self.top, self.right, self.bottom

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top


def blurred(mask: Pixels, across: int, down: int, *, raised: bool = False) -> Pixels:
    """The mask (H, W) blurred by a Gaussian of a standard deviation each way, in pixels.

    The kernels end where AUTOMATIC1111's do: at 2.5 deviations, 2 * int(2.5 * b + 0.5) + 1 pixels
    wide. Beyond the picture's edge the mask is mirrored. `raised`: the strongest pixel is as strong as before,
    for a blur wider than the mask leaves hardly anything of it.
    """
    values = torch.from_numpy(mask.astype(np.float32))[None, None]  # (1, 1, H, W)
    values = _blurred_rows(values, across)
    values = _blurred_rows(values.transpose(2, 3), down).transpose(2, 3)
    if raised and (most := float(values.max())) > 0:
        values *= float(mask.max()) / most
    soft: Pixels = values[0, 0].round().clamp(0, 255).to(torch.uint8).numpy()
    return soft


def _blurred_rows(values: torch.Tensor, deviation: int) -> torch.Tensor:
    reach = int(2.5 * deviation + 0.5)
    if reach == 0:
        return values
    places = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (places / deviation).square())
    left = torch.arange(-reach, values.shape[-1] + reach).abs()
    period = max(1, 2 * (values.shape[-1] - 1))
    left = left % period
    mirrored = torch.where(left < values.shape[-1], left, period - left)
    return functional.conv2d(values[..., mirrored], (kernel / kernel.sum()).view(1, 1, 1, -1))


def region_around(mask: Pixels, padding: int, width: int, height: int) -> Region | None:
    """The part of a picture that is drawn for its mask alone; None where the mask is empty.

    Everything above 0, with some padding, made wider or higher to the shape of `width` x `height` as
    far as the picture reaches.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    high, wide = mask.shape
    left, right = max(int(columns[0]) - padding, 0), min(int(columns[-1]) + 1 + padding, wide)
    top, bottom = max(int(rows[0]) - padding, 0), min(int(rows[-1]) + 1 + padding, high)
    if (right - left) * height < (bottom - top) * width:
        left, right = _widened(left, right, round((bottom - top) * width / height), wide)
    else:
        top, bottom = _widened(top, bottom, round((right - left) * height / width), high)
    return Region(left, top, right, bottom)


def _widened(low: int, high: int, wanted: int, end: int) -> tuple[int, int]:
    """The interval made `wanted` long about its middle, within 0 and `end`."""
    wanted = min(max(wanted, high - low), end)
    low = min(max(low - (wanted - (high - low)) // 2, 0), end - wanted)
    return low, low + wanted


def filled(image: Image.Image, mask: Pixels) -> Image.Image:
    """The image with the colours around the mask drawn into it, ever finer towards its edge.

    What is outside the mask is blurred by falling radii, and each blur is laid over the one before by
    how much of it there is: far inside only the widest reaches.
    """
    around = image.convert("RGBA")
    around.putalpha(Image.fromarray(255 - mask))
    premultiplied = around.convert("RGBa")
    laid = Image.new("RGBA", image.size)
    for radius, times in FILL_BLURS:
        layer = premultiplied.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            laid = Image.alpha_composite(laid, layer)
    return laid.convert("RGB")


def blend(picture: Pixels, painted: Pixels, mask: Pixels) -> Pixels:
    """The picture where the mask is 0, what was painted where it is 255; (H, W, 3)."""
    share = mask[..., None].astype(np.float32) / 255
    old, new = picture.astype(np.float32), painted.astype(np.float32)
    mixed: Pixels = np.round(old + (new - old) * share).astype(np.uint8)
    return mixed
