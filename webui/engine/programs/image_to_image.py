"""Image to image: a picture, noised part of the way, and walked down under a prompt."""

from __future__ import annotations

from torch import Tensor

from webui.engine.model import LoadedModel
from webui.engine.pixels import fit_image, open_image, to_tensor
from webui.engine.programs.conditions import conditioned
from webui.engine.programs.order import PictureOrder, steps_of
from webui.engine.programs.tiled import decode
from webui.engine.sampling import sample
from webui.engine.sampling_plan import Walk
from webui.engine.work import EncodeImage, Program, Task


def image_to_image(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture from an image and a prompt; strength 0 only encodes and decodes the image."""
    width, height = order.size(model)
    image = open_image(order.file(order.request.image, "start image"))
    pixels = to_tensor(fit_image(image, width, height), model.checkpoint.latent_factor)
    latent: Tensor = yield EncodeImage(model, pixels.to(model.device))
    steps = steps_of(order.request, model.checkpoint)
    if steps > 0:
        latent = yield from _redraw(order, model, latent, steps)
    return (yield from decode(model, latent, width, height))


def _redraw(order: PictureOrder, model: LoadedModel, latent: Tensor, steps: int) -> Task[Tensor]:
    walk = Walk.of(order.request, model.levels).last(steps)
    denoise = yield from conditioned(order, model, walk)
    noise = order.noise(model, latent.shape)
    return (yield from sample(walk, denoise, walk.noised(latent, noise), noise))
