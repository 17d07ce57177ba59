"""Small pictures of unfinished latents, by a linear map from latent channels to RGB.

Decoding a latent costs as much as several denoising steps. A least-squares fit of the decoder's
output, averaged over each latent cell, on the cell's channels is nearly free and shows enough.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from webui.contracts.preview import Preview

FIT_LATENTS, FIT_CELLS = 4, 8
"""Of the starter's first stage, four latents give what sixteen give (14 of 255 from the averaged picture), in a quarter of the time:
decoding them is a good part of loading a model on a processor."""


class Projection:
    """The map from a first stage's latents to small pictures, fitted when it is first asked for.

    To fit it costs a picture of 128 pixels a side, which a load need not wait for.
    """

    def __init__(
        self, decode: Callable[[Tensor], Tensor], channels: int, device: torch.device
    ) -> None:
        """As `fit_projection`; `decode` must not keep the first stage alive that this is kept with."""
        self._fit = partial(fit_projection, decode, channels, device)
        self._fitting = threading.Lock()
        self._matrix: Tensor | None = None

    @classmethod
    def of(cls, matrix: Tensor) -> Projection:
        """One that is known."""
        made = cls(lambda z: z, len(matrix) - 1, matrix.device)
        made._matrix = matrix
        return made

    @property
    def matrix(self) -> Tensor:
        """See `fit_projection`."""
        with self._fitting:
            if self._matrix is None:
                with torch.inference_mode():
                    self._matrix = self._fit()
            return self._matrix


def fit_projection(
    decode: Callable[[Tensor], Tensor], channels: int, device: torch.device
) -> Tensor:
    """(C + 1, 3): weights of the latent channels and a bias, for RGB in [-1, 1].

    `decode` maps scaled latents (N, C, h, w) to pictures (N, 3, H, W). It is shown smooth random
    latents of unit variance, which is what a KL-regularised first stage makes of pictures.
    """
    generator = torch.Generator().manual_seed(0)
    latents = _smooth_latents(channels, generator)  # (N, C, h, w)
    pictures = torch.cat([decode(z).float().cpu() for z in torch.split(latents.to(device), 4)])
    colours = functional.adaptive_avg_pool2d(pictures.clamp(-1, 1), (FIT_CELLS, FIT_CELLS))
    inputs = _with_bias(latents.permute(0, 2, 3, 1).reshape(-1, channels))
    targets = colours.permute(0, 2, 3, 1).reshape(-1, 3)
    if not targets.isfinite().all():
        return torch.zeros(channels + 1, 3)
    solution: Tensor = torch.linalg.lstsq(inputs, targets).solution
    return solution


def preview(latent: Tensor, projection: Tensor, factor: int) -> Preview:
    """A colour for each cell of a latent (1, C, h, w), of `factor` pixels, to be shown at half its picture's size."""
    cells = latent[0].detach().float().cpu().permute(1, 2, 0)  # (h, w, C)
    rows, columns = cells.shape[:2]
    width, height = (max(side * factor // 2, 1) for side in (columns, rows))
    colours = torch.addmm(projection[-1], cells.reshape(rows * columns, -1), projection[:-1])
    return Preview(columns, rows, width, height, _levels(colours))


def halved(pictures: Tensor) -> Preview:
    """The first of some pictures (N, 3, H, W) in [-1, 1], at half its size."""
    half = functional.avg_pool2d(pictures[:1].detach().float(), 2)[0].cpu().permute(1, 2, 0)
    rows, columns = half.shape[:2]
    return Preview(columns, rows, columns, rows, _levels(half))


def _levels(rgb: Tensor) -> bytes:
    """Of colours (..., 3) in [-1, 1]; what is no number is grey."""
    levels = (rgb * 127.5 + 127.5).nan_to_num(127.5).clamp(0, 255).to(torch.uint8)
    return levels.contiguous().numpy().tobytes()


def _smooth_latents(channels: int, generator: torch.Generator) -> Tensor:
    size = (FIT_CELLS, FIT_CELLS)
    total = torch.zeros(FIT_LATENTS, channels, *size)
    for cells in (1, 2, 4, FIT_CELLS):
        noise = torch.randn(FIT_LATENTS, channels, cells, cells, generator=generator)
        total += functional.interpolate(noise, size, mode="bilinear", align_corners=False)
    return total / total.std()


def _with_bias(inputs: Tensor) -> Tensor:
    return torch.cat((inputs, torch.ones(inputs.shape[0], 1)), dim=1)
