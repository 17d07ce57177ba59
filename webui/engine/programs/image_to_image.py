"""Image to image: a picture, noised part of the way, and walked down under a prompt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch.nn.functional as functional
from PIL import Image
from torch import Tensor

from webui.contracts.parameters.start_image import JUST_RESIZE_LATENT
from webui.contracts.steps import rounds_of, steps_of
from webui.engine.model import LoadedModel
from webui.engine.pixels import open_image, to_tensor
from webui.engine.programs.conditions import conditioned
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.start_image import resized, walk_of, with_colours_of_image
from webui.engine.programs.tiled import decode
from webui.engine.sampling import sample
from webui.engine.work import EncodeImage, Program, Task


def image_to_image(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture from an image and a prompt; strength 0 only encodes and decodes the image.

    With `loops` it is drawn again from what came of it, as AUTOMATIC1111's loopback does. A round is a
    request of its own, so its prompt's timeline begins anew.
    """
    request = order.request
    image = open_image(order.file(request.image, "start image"), request.background)
    first, *others = rounds_of(request)
    picture = yield from redrawn(replace(order, request=first), model, image)
    done = steps_of(first, model.checkpoint)
    for again in others:
        image = Image.fromarray(np.asarray(picture))
        picture = yield from redrawn(replace(order, request=again), model, image, done)
        done += steps_of(again, model.checkpoint)
    return picture


def redrawn(
    order: PictureOrder, model: LoadedModel, image: Image.Image, before: int = 0
) -> Program:
    """The same, once, from an image that is at hand; its steps are counted on from those `before`."""
    request = order.request
    width, height = order.size(model)
    latent = yield from _encoded(order, model, image)
    if steps_of(request, model.checkpoint) > 0:
        latent = yield from _redraw(order, model, latent, before)
    picture = yield from decode(model, latent, width, height, request.tiling)
    return with_colours_of_image(picture, image) if request.colour_correction else picture


def _encoded(order: PictureOrder, model: LoadedModel, image: Image.Image) -> Task[Tensor]:
    """The image as a latent (1, C, h, w) of the picture's size.

    'Just resize (latent upscale)' enlarges the latent of the image as it is; one that is larger than
    the picture is made smaller before, as pixels.
    """
    width, height = order.size(model)
    factor, mode = model.checkpoint.latent_factor, order.request.resize_mode
    latently = mode == JUST_RESIZE_LATENT and image.width * image.height <= width * height
    image = image if latently else resized(image, width, height, mode)
    latent: Tensor = yield EncodeImage(model, to_tensor(image, factor).to(model.device))
    if not latently:
        return latent
    rows, columns = model.latent_shape(width, height)[-2:]
    return functional.interpolate(latent, (rows, columns), mode="bilinear")


def _redraw(order: PictureOrder, model: LoadedModel, latent: Tensor, before: int) -> Task[Tensor]:
    walk = walk_of(order.request, model, order.extensions)
    denoise = yield from conditioned(order, model, walk)
    noise = order.noise(model, latent.shape)
    x = walk.noised(latent, noise, order.request.noise_multiplier)
    return (yield from sample(walk, denoise, x, noise, before))
