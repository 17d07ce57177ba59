"""Text to image: noise, walked down to a picture under the guidance of a prompt."""

from __future__ import annotations

from webui.engine.model import LoadedModel
from webui.engine.programs.hires import hires
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.refiner import refined
from webui.engine.programs.tiled import decode
from webui.engine.sampling import sample
from webui.engine.sampling_plan import Walk
from webui.engine.work import Program


def text_to_image(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture from a prompt, and from a map or boxes where the model takes them."""
    request = order.request
    width, height = order.size(model)
    walk = Walk.of(request, model.levels_at(width, height), order.extensions)
    denoise = yield from refined(order, model, walk)
    noise = order.noise(model, model.latent_shape(width, height))
    latent = yield from sample(walk, denoise, walk.pure_noise(noise), noise)  # (1, C, h, w)
    if request.has_hires:
        return (yield from hires(order, model, latent))
    return (yield from decode(model, latent, width, height, request.tiling))
