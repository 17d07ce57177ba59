"""Inpainting: the part of a picture under a mask is redrawn, the rest stays to the bit.

A model made for it sees the mask and what is around it as further channels (paper, section 4.5).
Any other is held to the picture outside the mask at every step, as RePaint does (Lugmayr et al.
2022), which fits less well at the border.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from webui.contracts.errors import BadImage
from webui.contracts.frame import Frame
from webui.contracts.parameters.inpainting import (
    FILL,
    LATENT_NOISE,
    LATENT_NOTHING,
    NOT_MASKED,
    ONLY_MASKED,
    ORIGINAL,
)
from webui.contracts.parameters.start_image import RESIZE_AND_FILL
from webui.contracts.request import GenerationRequest
from webui.contracts.steps import steps_of
from webui.engine.model import LoadedModel
from webui.engine.pixels import open_image, open_mask_image, to_tensor
from webui.engine.programs.conditions import conditioned, hide_masked, mask_plane
from webui.engine.programs.masks import Region, blend, blurred, filled, region_around
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.outpaint import in_frame, laid_over, mirrored_beyond, redrawn
from webui.engine.programs.part import Part
from webui.engine.programs.soft_inpaint import Softness, overlay, soft_cells, softly_held
from webui.engine.programs.start_image import resized, walk_of, with_colours_of_image
from webui.engine.programs.tiled import decode
from webui.engine.samplers.common import Noise
from webui.engine.sampling import sample
from webui.engine.work import Denoise, EncodeImage, Pixels, Program, Task


@dataclass(frozen=True)
class Repair:
    """A picture, and the part of it that is drawn."""

    picture: Pixels
    """What stays around the mask, (H, W, 3)."""
    soft: Pixels
    """How much of the new is laid over it, (H, W), blurred."""
    region: Region
    """The part of the picture that is drawn."""
    image: Image.Image
    """That part at the size it is drawn at."""
    mask: Pixels
    """The mask of that part, not blurred, at that size."""
    least: Pixels
    """How much of the new is laid over it at least, (H, W): in the frame of a picture there is nothing else."""
    part: Part | None
    """Which part is drawn; None where it is the whole picture, without a frame."""

    def laid(self, overlay: Pixels) -> Repair:
        """The same, with how much of the new is laid over given for its part, at the drawn size.

        Nothing is laid where the mask has nothing.
        """
        left, top, right, bottom = self.region.box
        soft = np.zeros_like(self.soft)
        soft[top:bottom, left:right] = _put_back(Image.fromarray(overlay), self.region.size)
        found = np.where(self.soft > 0, soft, 0).astype(np.uint8)
        return replace(self, soft=np.maximum(found, self.least))

    def finished(self, painted: Pixels) -> Pixels:
        """The whole picture, with what was painted in its part."""
        part = _put_back(Image.fromarray(painted), self.region.size)
        left, top, right, bottom = self.region.box
        whole = self.picture.copy()
        soft = self.soft[top:bottom, left:right]
        whole[top:bottom, left:right] = blend(whole[top:bottom, left:right], part, soft)
        return whole


def inpaint(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture, redrawn where the mask is white; grey mixes old and new.

    With 'Only masked' the part around the mask is drawn at the request's size and put back into the
    picture, which keeps its own.
    """
    width, height = order.size(model)
    repair = _repair(order, width, height)
    width, height = repair.image.size
    order = replace(order, part=repair.part, masked=repair.mask)
    latent, original = yield from _redrawn(order, model, repair)
    softness = Softness.of(order.request)
    if softness is not None:
        cells = _soft_cells(repair, latent)
        repair = repair.laid(overlay(original, latent, cells, softness, (width, height)))
    painted = yield from decode(model, latent, width, height)
    if order.request.colour_correction:
        painted = with_colours_of_image(painted, repair.image)
    return repair.finished(painted)


def _repair(order: PictureOrder, width: int, height: int) -> Repair:
    """What is redrawn of a picture, at the size that is asked for."""
    request = order.request
    image, sharp = _picture_and_mask(order, width, height)
    down = request.mask_blur if request.mask_blur_y is None else request.mask_blur_y
    soft = blurred(sharp, request.mask_blur, down, raised=request.soft_inpainting)
    least, frame = np.zeros_like(soft), Frame(image.size, 0, 0, 0, 0)
    if request.outpaints:
        frame, overlap = request.frame(image.size), request.outpaint_overlap
        image, soft, sharp = (
            mirrored_beyond(image, frame),
            in_frame(soft, frame),
            in_frame(sharp, frame),
        )
        sharp, least = np.maximum(sharp, redrawn(frame, overlap)), laid_over(frame, overlap)
        soft = np.maximum(soft, least)
    picture = np.asarray(image)
    if request.inpaint_area != ONLY_MASKED:
        whole = Region(0, 0, *image.size)
        part = Part(frame, whole.box, image.size) if request.outpaints else None
        return Repair(picture, soft, whole, image, sharp, least, part)
    region = region_around(soft, request.masked_padding, width, height)
    if region is None:
        raise BadImage("Nothing of the mask is white, so there is no part to redraw. Paint one.")
    part = Part(frame, region.box, (width, height))
    cut = resized(image.crop(region.box), width, height, RESIZE_AND_FILL)
    inner = Image.fromarray(sharp).crop(region.box)
    inner = resized(inner, width, height, RESIZE_AND_FILL, Image.Resampling.BILINEAR)
    return Repair(picture, soft, region, cut, np.asarray(inner).copy(), least, part)


def _picture_and_mask(order: PictureOrder, width: int, height: int) -> tuple[Image.Image, Pixels]:
    """The picture, and (H, W) what of it is redrawn; without a frame at the size that is asked for."""
    request = order.request
    image = open_image(order.file(request.image, "image"), request.background)
    own_size = request.outpaints or request.inpaint_area == ONLY_MASKED
    size = image.size if own_size else (width, height)
    image = resized(image, *size, request.resize_mode)
    if request.outpaints and request.mask is None:
        return image, np.zeros((image.height, image.width), np.uint8)
    mask = open_mask_image(order.file(request.mask, "mask"))
    fitted = resized(mask, *size, request.resize_mode, Image.Resampling.BILINEAR)
    sharp: Pixels = np.asarray(fitted).copy()  # (H, W)
    return image, 255 - sharp if request.mask_mode == NOT_MASKED else sharp


def _put_back(painted: Image.Image, size: tuple[int, int]) -> Pixels:
    """What was painted of a part, at the part's size, without what was filled in around it."""
    width, height = size
    scale = min(painted.width / width, painted.height / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (painted.width - inner[0]) // 2, (painted.height - inner[1]) // 2
    part = painted.crop((left, top, left + inner[0], top + inner[1]))
    return np.asarray(part if part.size == size else part.resize(size, Image.Resampling.LANCZOS))


def _redrawn(
    order: PictureOrder, model: LoadedModel, repair: Repair
) -> Task[tuple[Tensor, Tensor]]:
    """The latent (1, C, h, w), new under the mask; and the image's own."""
    request, factor = order.request, model.checkpoint.latent_factor
    image = repair.image
    if request.masked_content == FILL:
        image = filled(image, repair.mask)
    pixels = to_tensor(image, factor).to(model.device)
    latent: Tensor = yield EncodeImage(model, pixels)
    if steps_of(request, model.checkpoint) == 0:
        return latent, latent
    walk = walk_of(request, model, order.extensions)
    cells = mask_plane(repair.mask, factor).to(model.device)  # (1, 1, h, w)
    if model.checkpoint.task == "inpaint":
        masks = model.conditioners.masks
        hidden = hide_masked(pixels, repair.mask, masks.hidden)
        hidden = torch.lerp(pixels, hidden, request.inpainting_mask_weight)
        around: Tensor = yield EncodeImage(model, hidden)
        denoise = yield from conditioned(order, model, walk, masks.planes(cells, around))
    else:
        denoise = yield from conditioned(order, model, walk)
    softness = Softness.of(request)
    if softness is not None:
        denoise = softly_held(denoise, latent, _soft_cells(repair, latent), softness)
    elif model.checkpoint.task != "inpaint":
        denoise = held(denoise, latent, cells)
    noise = order.noise(model, latent.shape)
    start = beginning(request, latent, cells, order.noise(model, latent.shape))
    drawn = yield from sample(
        walk, denoise, walk.noised(start, noise, request.noise_multiplier), noise
    )
    return drawn, latent


def _soft_cells(repair: Repair, latent: Tensor) -> Tensor:
    """Shares of the cells of the part that is drawn, of its blurred mask."""
    part = Image.fromarray(repair.soft).crop(repair.region.box)
    part = resized(part, *repair.image.size, RESIZE_AND_FILL, Image.Resampling.BILINEAR)
    return soft_cells(np.asarray(part), *latent.shape[-2:]).to(latent.device)


def beginning(request: GenerationRequest, latent: Tensor, cells: Tensor, noise: Noise) -> Tensor:
    """The clean latent that drawing begins with, by the request's masked content.

    'latent noise' is the seed's own noise under the mask, 'latent nothing' is 0 there. The original is
    left out altogether at full strength: else the old content would shine through.

    Args:
        request: Says which.
        latent: Of the image, (1, C, h, w).
        cells: 1 under the mask, else 0, (1, 1, h, w).
        noise: The picture's own from its first draw on, like the latent; drawn where it is needed.
    """
    if request.masked_content == LATENT_NOISE:
        return latent * (1 - cells) + noise() * cells
    if request.masked_content == LATENT_NOTHING:
        return latent * (1 - cells)
    shown = request.masked_content == ORIGINAL and not request.outpaints
    whole = shown and request.denoising_strength == 1
    return torch.zeros_like(latent) if whole else latent


def held(denoise: Denoise, latent: Tensor, cells: Tensor) -> Denoise:
    """The same denoiser, whose guess is the given latent wherever `cells` (1, 1, h, w) is 0."""

    def denoise_inside(x: Tensor, sigma: float) -> Task[Tensor]:
        guess = yield from denoise(x, sigma)
        return torch.lerp(latent, guess, cells)

    return denoise_inside
