"""Image to image: a picture, noised part of the way, and walked down under a prompt."""

from __future__ import annotations

from torch import Tensor

from webui.contracts.errors import BadImage
from webui.engine.guidance import encode_prompts, guided
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.pixels import fit_image, open_image, to_tensor
from webui.engine.programs.order import PictureOrder, steps_of
from webui.engine.sampling import sample
from webui.engine.schedules import sigmas_for
from webui.engine.work import DecodeLatent, EncodeImage, Pixels, Program, Task


def image_to_image(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture from an image and a prompt; strength 0 only encodes and decodes the image."""
    if order.image_path is None:
        raise BadImage("The request names a start image, but the worker was given no file for it.")
    width, height = order.size(model)
    image = fit_image(open_image(order.image_path), width, height)
    pixels = to_tensor(image, model.checkpoint.latent_factor).to(model.device)
    latent: Tensor = yield EncodeImage(model, pixels)
    steps = steps_of(order.request)
    if steps > 0:
        latent = yield from _redraw(order, model, latent, steps)
    picture: Pixels = yield DecodeLatent(model, latent, width, height)
    return picture


def _redraw(order: PictureOrder, model: LoadedModel, latent: Tensor, steps: int) -> Task[Tensor]:
    request = order.request
    scale = request.guidance_scale
    prompts = yield from encode_prompts(model, request.prompt, request.negative_prompt, scale)
    sigmas = sigmas_for(model.levels, request.steps, request.sampler, request.schedule)
    sigmas = sigmas[-steps - 1 :]
    noise = NoiseStream(order.seed, latent.shape, model.device)
    x = latent + noise() * sigmas[0]  # (1, C, h, w)
    return (yield from sample(request.sampler, guided(model, prompts, scale), x, sigmas, noise))
