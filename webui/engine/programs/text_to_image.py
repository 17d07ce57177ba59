"""Text to image: noise, walked down to a picture under the guidance of a prompt."""

from __future__ import annotations

from webui.engine.guidance import encode_prompts, guided
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.programs.order import PictureOrder
from webui.engine.sampling import sample
from webui.engine.schedules import sigmas_for
from webui.engine.work import DecodeLatent, Pixels, Program


def text_to_image(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture from a prompt."""
    request = order.request
    width, height = order.size(model)
    scale = request.guidance_scale
    prompts = yield from encode_prompts(model, request.prompt, request.negative_prompt, scale)
    sigmas = sigmas_for(model.levels, request.steps, request.sampler, request.schedule)
    noise = NoiseStream(order.seed, model.latent_shape(width, height), model.device)
    x = noise() * sigmas[0]  # (1, C, h, w)
    latent = yield from sample(request.sampler, guided(model, prompts, scale), x, sigmas, noise)
    picture: Pixels = yield DecodeLatent(model, latent, width, height)
    return picture
