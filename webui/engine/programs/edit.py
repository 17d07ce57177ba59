"""Editing: a picture changed as the prompt tells (InstructPix2Pix, Brooks et al. 2023).

The picture's latent stands beside the one that is drawn, so drawing begins with noise alone; how closely it
keeps to the picture is guided by itself (their equation 3).
"""

from __future__ import annotations

from webui.engine.model import LoadedModel
from webui.engine.pixels import open_image, to_tensor
from webui.engine.programs.conditions import conditioned
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.start_image import resized, with_colours_of_image
from webui.engine.programs.tiled import decode
from webui.engine.sampling import sample
from webui.engine.sampling_plan import Walk
from webui.engine.work import EncodeImage, Program


def edit(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture, the request's image with what its prompt asks for done to it."""
    request = order.request
    width, height = order.size(model)
    image = open_image(order.file(request.image, "image"), request.background)
    fitted = resized(image, width, height, request.resize_mode)
    pixels = to_tensor(fitted, model.checkpoint.latent_factor).to(model.device)
    latent = yield EncodeImage(model, pixels)
    walk = Walk.of(request, model.levels_at(width, height), order.extensions)
    # The published network was taught with latents that are not scaled.
    denoise = yield from conditioned(order, model, walk, latent / model.latent_scale)
    noise = order.noise(model, latent.shape)
    drawn = yield from sample(walk, denoise, walk.pure_noise(noise), noise)
    picture = yield from decode(model, drawn, width, height)
    return with_colours_of_image(picture, image) if request.colour_correction else picture
