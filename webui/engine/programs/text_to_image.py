"""Text to image: noise, walked down to a picture under the guidance of a prompt."""

from __future__ import annotations

from webui.engine.model import LoadedModel
from webui.engine.programs.conditions import conditioned
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.tiled import decode
from webui.engine.sampling import sample
from webui.engine.schedules import sigmas_for
from webui.engine.work import Program


def text_to_image(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture from a prompt, and from a map or boxes where the model takes them."""
    request = order.request
    width, height = order.size(model)
    sigmas = sigmas_for(model.levels, request.steps, request.sampler, request.schedule)
    denoise = yield from conditioned(order, model, sigmas)
    noise = order.noise(model.latent_shape(width, height), model.device)
    x = noise() * sigmas[0]  # (1, C, h, w)
    latent = yield from sample(request.sampler, denoise, x, sigmas, noise, model.levels)
    return (yield from decode(model, latent, width, height))
