"""Soft inpainting: a mask with degrees, at every step and where the result is laid over the picture.

At each noise level the denoised guess is mixed with the original latent, by the mask to a power that
falls with the noise, so half-masked places follow the original early and the prompt late. At the end
what is laid over is what has changed. The settings are AUTOMATIC1111's; how the changes are smoothed is
our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from webui.contracts.request import GenerationRequest
from webui.engine.work import Denoise, Pixels, Task


@dataclass(frozen=True)
class Softness:
    """The settings of one picture."""

    bias: float = 1.0
    preservation: float = 0.5
    contrast: float = 4.0
    mask_influence: float = 0.0
    threshold: float = 0.5
    difference_contrast: float = 2.0

    @classmethod
    def of(cls, request: GenerationRequest) -> Softness | None:
        """Those of a request; None where it wants a mask without degrees."""
        if not request.soft_inpainting:
            return None
        return cls(
            request.soft_schedule_bias,
            request.soft_preservation,
            request.soft_contrast_boost,
            request.soft_mask_influence,
            request.soft_difference_threshold,
            request.soft_difference_contrast,
        )


def soft_cells(mask: Pixels, rows: int, columns: int) -> Tensor:
    """How much of each latent cell is masked, 0 to 1, of a blurred mask (H, W); (1, 1, h, w)."""
    values = torch.from_numpy(mask.astype(np.float32))[None, None] / 255
    return functional.interpolate(values, (rows, columns), mode="area")


def softly_held(denoise: Denoise, latent: Tensor, cells: Tensor, softness: Softness) -> Denoise:
    """The same denoiser, whose guess is mixed with a latent by how much of a cell is masked.

    Args:
        denoise: Guesses clean latents.
        latent: The original's, (1, C, h, w).
        cells: Share of each cell that is masked, (1, 1, h, w).
        softness: How they are mixed.
    """

    def denoise_softly(x: Tensor, sigma: float) -> Task[Tensor]:
        guess = yield from denoise(x, sigma)
        share = cells ** (sigma**softness.bias * softness.preservation)
        return mixed(latent, guess, torch.where(cells > 0, share, cells), softness.contrast)

    return denoise_softly


def mixed(old: Tensor, new: Tensor, share: Tensor, contrast: float) -> Tensor:
    """Old and new latents mixed in direction by `share`, in length by a power mean.

    A straight mean of unlike latents is short, which shows as flat grey; lengths are mixed by the mean
    of the power `contrast`, which leans to the longer.
    """
    straight = old + (new - old) * share
    length = straight.double().norm(dim=1, keepdim=True) + 1e-5
    lengths = [part.double().norm(dim=1, keepdim=True) ** contrast for part in (old, new)]
    wanted = (lengths[0] + (lengths[1] - lengths[0]) * share) ** (1 / contrast)
    scaled = straight * (wanted / length).to(straight.dtype)
    return torch.where(share == 0, old.expand_as(scaled), scaled)


def overlay(
    before: Tensor, after: Tensor, cells: Tensor, softness: Softness, size: tuple[int, int]
) -> Pixels:
    """How much of the new is laid over the old, (height, width) of uint8: by how far it has changed.

    Args:
        before: The original latent, (1, C, h, w).
        after: What was drawn, like it.
        cells: Share of each cell that is masked, (1, 1, h, w).
        softness: Where kept and changed part.
        size: Width and height in pixels.
    """
    distance = (after - before).norm(dim=1)[0].float().cpu().numpy()  # (h, w)
    touched = (cells[0, 0] > 0).cpu().numpy()
    distance = cv2.GaussianBlur(cv2.dilate(distance, np.ones((3, 3))), (5, 5), 1.5) * touched
    ease = 1 - cells[0, 0].clamp(0, 1).cpu().numpy() ** (softness.preservation / 2)
    ease = 0.5 * (1 - softness.mask_influence) + ease * softness.mask_influence
    half = np.maximum(softness.threshold * ease / (1.00001 - ease), 1e-6)
    kept = 1 / (1 + (distance / half) ** softness.difference_contrast)
    kept = kept**3 * (kept * (kept * 6 - 15) + 10)  # Perlin's smoother step
    laid = cv2.resize(((1 - kept) * touched).astype(np.float32), size)
    shares: Pixels = np.round(np.clip(laid, 0, 1) * 255).astype(np.uint8)
    return shares
