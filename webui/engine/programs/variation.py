"""Variations: another picture that is like the one given, and as the prompt says (Stable unCLIP).

The picture is looked at as a whole and its pixels are not begun with, so all steps are taken from noise alone.
"""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.pixels import open_image
from webui.engine.programs.conditions import conditioned
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.start_image import with_colours_of_image
from webui.engine.programs.tiled import decode
from webui.engine.programs.upscale import GRAIN_DRAW, LABELS
from webui.engine.sampling import sample
from webui.engine.sampling_plan import Walk
from webui.engine.work import Program, ReadPicture, Task


def variation(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture that is like the request's image; `noise_augmentation` is how freely."""
    request = order.request
    width, height = order.size(model)
    image = open_image(order.file(request.image, "image"), request.background)
    vector = yield from _told(order, model, image)
    walk = Walk.of(request, model.levels_at(width, height), order.extensions)
    denoise = yield from conditioned(order, model, walk, vector=vector)
    noise = order.noise(model, model.latent_shape(width, height))
    drawn = yield from sample(walk, denoise, walk.pure_noise(noise), noise)
    picture = yield from decode(model, drawn, width, height, request.tiling)
    return with_colours_of_image(picture, image) if request.colour_correction else picture


def _told(order: PictureOrder, model: LoadedModel, image: Image.Image) -> Task[Tensor]:
    """What the network is told of the image, (1, 2 P); its noise is the picture's own.

    Raises:
        BadRequest: the model is told of no picture.
    """
    varies = model.variations
    if varies is None:
        raise BadRequest(
            f"The model {model.checkpoint.id!r} has no image encoder, which variations need. Choose one that has."
        )
    encoder = varies.encoder
    said: Tensor = yield ReadPicture(model, encoder, encoder.seen(image), patches=False)
    embedding = said[0].float()  # (1, P)
    level = min(round(LABELS * order.request.noise_augmentation), varies.noise.most)
    grain = NoiseStream(order.seed, embedding.shape, model.device, first_draw=GRAIN_DRAW)
    return varies.told(embedding, level, grain())
