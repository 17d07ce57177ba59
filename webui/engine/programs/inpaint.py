"""Inpainting: the part of a picture under a mask is redrawn, the rest stays to the bit.

A model made for it sees the mask and what is around it as further channels (paper, section 4.5).
Any other is held to the picture outside the mask at every step, as RePaint does (Lugmayr et al.
2022), which fits less well at the border.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from webui.engine.model import LoadedModel
from webui.engine.pixels import fit_image, open_image, open_mask, to_tensor
from webui.engine.programs.conditions import conditioned, hide_masked, mask_plane
from webui.engine.programs.order import PictureOrder, steps_of
from webui.engine.programs.tiled import decode
from webui.engine.sampling import sample
from webui.engine.sampling_plan import Walk
from webui.engine.work import Denoise, EncodeImage, Pixels, Program, Task


def inpaint(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture, redrawn where the mask is white; grey mixes old and new."""
    width, height = order.size(model)
    image = open_image(order.file(order.request.image, "image"))
    image = fit_image(image, width, height)
    mask = open_mask(order.file(order.request.mask, "mask"), width, height)  # (H, W)
    latent = yield from _redrawn(order, model, image, mask)
    painted = yield from decode(model, latent, width, height)
    return blend(np.asarray(image), painted, mask)


def blend(picture: Pixels, painted: Pixels, mask: Pixels) -> Pixels:
    """The picture where the mask is 0, what was painted where it is 255; (H, W, 3)."""
    share = mask[..., None].astype(np.float32) / 255
    old, new = picture.astype(np.float32), painted.astype(np.float32)
    mixed: Pixels = np.round(old + (new - old) * share).astype(np.uint8)
    return mixed


def _redrawn(
    order: PictureOrder, model: LoadedModel, image: Image.Image, mask: Pixels
) -> Task[Tensor]:
    """The latent (1, C, h, w), new under the mask."""
    request = order.request
    pixels = to_tensor(image, model.checkpoint.latent_factor).to(model.device)
    latent: Tensor = yield EncodeImage(model, pixels)
    steps = steps_of(request, model.checkpoint)
    if steps == 0:
        return latent
    walk = Walk.of(request, model.levels).last(steps)
    cells = mask_plane(mask, model.checkpoint.latent_factor).to(model.device)  # (1, 1, h, w)
    if model.checkpoint.task == "inpaint":
        around: Tensor = yield EncodeImage(model, hide_masked(pixels, mask))
        planes = torch.cat((cells, around), 1)
        denoise = yield from conditioned(order, model, walk, planes)
    else:
        denoise = held((yield from conditioned(order, model, walk)), latent, cells)
    noise = order.noise(model, latent.shape)
    # From pure noise at full strength: else the old content would shine through.
    start = latent if request.denoising_strength < 1 else torch.zeros_like(latent)
    return (yield from sample(walk, denoise, walk.noised(start, noise), noise))


def held(denoise: Denoise, latent: Tensor, cells: Tensor) -> Denoise:
    """The same denoiser, whose guess is the given latent wherever `cells` (1, 1, h, w) is 0."""

    def denoise_inside(x: Tensor, sigma: float) -> Task[Tensor]:
        guess = yield from denoise(x, sigma)
        return torch.lerp(latent, guess, cells)

    return denoise_inside
