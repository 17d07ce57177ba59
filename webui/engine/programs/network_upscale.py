"""Enlarging by an upscaler network, tile by tile, as often as the size asks for."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from webui.engine.adapters.upscaler import LoadedUpscaler
from webui.engine.model import LoadedModel
from webui.engine.tiles import Window, cover
from webui.engine.work import Task, UpscalePixels

TILE = 192
"""Most pixels along a side of what the network is shown at once."""
OVERLAP = 32
"""Pixels that neighbours share: there the one fades into the other."""
MARGIN = 8
"""Pixels along an inner edge of a tile that do not count: the network sees nothing beyond them."""
MOST_PASSES = 3


def through_network(
    model: LoadedModel, net: LoadedUpscaler, image: Image.Image, width: int, height: int
) -> Task[Image.Image]:
    """The image through the network until it is at least so large, three times at most."""
    for _ in range(MOST_PASSES):
        image = yield from _once(model, net, image)
        if net.scale == 1 or (image.width >= width and image.height >= height):
            break
    return image


def _once(model: LoadedModel, net: LoadedUpscaler, image: Image.Image) -> Task[Image.Image]:
    values = torch.from_numpy(np.asarray(image.convert("RGB"), np.float32) / 255)
    pixels = values.permute(2, 0, 1)[None].contiguous()  # (1, 3, H, W)
    size = [side * net.scale for side in pixels.shape[-2:]]
    mean, total = torch.zeros(1, 3, *size), torch.zeros(size)
    for window in cover(pixels.shape[-2], pixels.shape[-1], TILE, OVERLAP):
        part: Tensor = yield UpscalePixels(model, net, window.of(pixels).contiguous())
        weights = _weights(window, pixels.shape[-2], pixels.shape[-1], net.scale)
        window.of(mean, net.scale).add_(part * weights)
        window.of(total, net.scale).add_(weights)
    levels = (mean / total * 255).round().to(torch.uint8)[0].permute(1, 2, 0)
    return Image.fromarray(levels.contiguous().numpy())


def _weights(window: Window, height: int, width: int, scale: int) -> Tensor:
    """(h * scale, w * scale): how much each pixel counts; less towards edges that are inside of the picture."""
    vertical = _ramp(window.height, window.top == 0, window.top + window.height == height, scale)
    across = _ramp(window.width, window.left == 0, window.left + window.width == width, scale)
    return vertical[:, None] * across


def _ramp(length: int, first: bool, last: bool, scale: int) -> Tensor:
    """0 over a margin at each inner end, then rising over what is left of the overlap."""
    places = torch.arange(length * scale, dtype=torch.float32) / scale
    rise = OVERLAP - 2 * MARGIN
    before = torch.ones_like(places) if first else (places - MARGIN) / rise
    after = torch.ones_like(places) if last else (length - places - MARGIN) / rise
    return torch.minimum(before, after).clamp(0, 1)
