"""Denoising and decoding latents of any size, window by window where they are large."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.engine.guidance import Conditioning, GuidedBy, guided
from webui.engine.model import LoadedModel
from webui.engine.tiles import TILE, USUAL_TILES, Tiles, Window, cover
from webui.engine.work import DecodeLatent, Denoise, Pixels, Task


def guided_in_tiles(
    model: LoadedModel,
    conditioning: Conditioning,
    plan: GuidedBy,
    size: tuple[int, int],
    tiles: Tiles = USUAL_TILES,
) -> Denoise:
    """A denoiser for latents of (h, w) cells, with the conditioning cut to each window."""
    windows = cover(*size, tiles.size, tiles.overlap)
    rows = 2 if plan.guidance.wants_unguided else 1
    if len(windows) == 1:
        return guided(model, conditioning, plan)
    if conditioning.alterations.tiling:
        most = TILE * model.checkpoint.latent_factor
        raise BadRequest(
            f"A picture that tiles is drawn in one piece, of at most {most} x {most} pixels with this "
            "model. Choose a smaller size, or switch tiling off."
        )
    parts = [(window, guided(model, conditioning.crop(window), plan)) for window in windows]
    weights = [window.weights(model.device, edge=tiles.overlap) for window in windows]
    total = torch.zeros(size, device=model.device)
    for window, weight in zip(windows, weights, strict=True):
        window.of(total).add_(weight)

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        mean = torch.zeros(rows, *x.shape[1:], device=x.device)
        for (window, part), weight in zip(parts, weights, strict=True):
            guess = yield from part(window.of(x), sigma)
            window.of(mean).add_(guess * weight)
        return mean / total

    return denoise


def decode(
    model: LoadedModel, latent: Tensor, width: int, height: int, tiling: bool = False
) -> Task[Pixels]:
    """The picture of a latent (1, C, h, w), (height, width, 3) of uint8; its edges meet with `tiling`."""
    windows = cover(*latent.shape[-2:])
    if len(windows) == 1:
        picture: Pixels = yield DecodeLatent(model, latent, width, height, tiling)
        return picture
    factor = model.checkpoint.latent_factor
    sides = [side * factor for side in latent.shape[-2:]]
    mean, total = np.zeros((*sides, 3), np.float32), np.zeros((*sides, 1), np.float32)
    for window in windows:
        part: Pixels = yield DecodeLatent(
            model, window.of(latent), window.width * factor, window.height * factor
        )
        weight = window.weights(torch.device("cpu"), factor).numpy()[..., None]
        rows, columns = _pixels(window, factor)
        mean[rows, columns] += part * weight
        total[rows, columns] += weight
    whole: Pixels = np.round(mean / total).astype(np.uint8)[:height, :width]
    return np.ascontiguousarray(whole)


def _pixels(window: Window, factor: int) -> tuple[slice, slice]:
    top, left = window.top * factor, window.left * factor
    return (
        slice(top, top + window.height * factor),
        slice(left, left + window.width * factor),
    )
