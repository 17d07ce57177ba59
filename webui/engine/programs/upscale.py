"""Upscaling: a picture four times as large, by diffusion under the small one (paper, section 4.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.contracts.parameters.drawing import SIZE_MULTIPLE
from webui.engine.classifier_free import Guidance
from webui.engine.guidance import Conditioning, GuidedBy
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.pixels import fit_image, open_image, to_tensor
from webui.engine.programs.colour import with_colours_of
from webui.engine.programs.conditions import conditioned, noised_picture
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.resample import enlarged
from webui.engine.programs.tiled import decode, guided_in_tiles
from webui.engine.sampling import sample
from webui.engine.sampling_plan import Walk
from webui.engine.work import Denoise, Program, Task

LABELS = 1000
"""The label of a picture that is all noise."""
NOISE_SOFTNESS = 4.0
"""Pixels of the small picture that its colours are blurred by, more, where it is all noise."""
GRAIN_DRAW = 2**31
"""Beyond all draws of the sampler, so that the grain is independent of its noise."""


def upscale(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture of `latent_factor` times the size of its image, or resampled to another factor."""
    factor, wanted = model.checkpoint.latent_factor, order.request.upscale_factor
    if wanted is None or (wanted == factor and not order.request.upscales_to_size):
        return (yield from _drawn(order, model))
    whole = order.request.model_copy(update={"width": None, "height": None})
    picture = yield from _drawn(replace(order, request=whole), model)
    large = Image.fromarray(np.asarray(picture))
    return enlarged(large, wanted / factor, order.size(model), Image.Resampling.LANCZOS)


def _drawn(order: PictureOrder, model: LoadedModel) -> Program:
    request = order.request
    small = _small_picture(order, model)
    width, height = _size(order, model, small)
    low = to_tensor(small, _multiple(model)).to(model.device)  # (1, 3, h, w), as the latent
    shape = (1, model.checkpoint.latent_channels, *low.shape[-2:])
    noise = order.noise(model, shape)
    walk = Walk.of(request, model.levels_at(width, height), order.extensions)
    denoise = yield from _denoiser(order, model, walk, low)
    latent = yield from sample(walk, denoise, walk.pure_noise(noise), noise)
    picture = yield from decode(model, latent, width, height, request.tiling and model.reads_text)
    doubt = NOISE_SOFTNESS * request.noise_augmentation
    return with_colours_of(low, picture, model.checkpoint.latent_factor, doubt=doubt)


def _small_picture(order: PictureOrder, model: LoadedModel) -> Image.Image:
    """The image as it is, or fitted where the request asks for another size in the end.

    A request's sides are multiples of eight. An image whose enlarged sides are not is left as it is
    all the same: to resample it by a pixel would blur what is to become sharp.
    """
    image = open_image(order.file(order.request.image, "image"))
    factor = model.checkpoint.latent_factor
    width = -(-(order.request.width or image.width * factor) // factor)
    height = -(-(order.request.height or image.height * factor) // factor)
    slack = SIZE_MULTIPLE // factor
    if abs(width - image.width) < slack and abs(height - image.height) < slack:
        return image
    return fit_image(image, width, height)


def _size(order: PictureOrder, model: LoadedModel, small: Image.Image) -> tuple[int, int]:
    """Width and height in pixels: of the enlarged picture, cut to what the request asks for."""
    width, height = (side * model.checkpoint.latent_factor for side in small.size)
    request = order.request
    return min(request.width or width, width), min(request.height or height, height)


def _denoiser(order: PictureOrder, model: LoadedModel, walk: Walk, low: Tensor) -> Task[Denoise]:
    """A denoiser that follows the small picture, and all else that is asked for where a model reads text.

    One that reads none has nothing that guidance could weigh, and is not altered.
    """
    planes, label = _noised(order, model, low)
    if model.reads_text:
        return (yield from conditioned(order, model, walk, planes, label))
    guidance = Guidance(wants_unguided=walk.sampler.wants_unguided)
    plan = GuidedBy(guidance, walk.levels, order.extensions)
    conditioning = order.extensions.conditioning(Conditioning(None, planes, label=label))
    return guided_in_tiles(model, conditioning, plan, (low.shape[-2], low.shape[-1]))


def _noised(order: PictureOrder, model: LoadedModel, low: Tensor) -> tuple[Tensor, float | None]:
    """The small picture with noise of the strength that the request takes it to have, and the label of that.

    Raises:
        BadRequest: the model was not taught to be told of noise, or not of so much.
    """
    level = order.request.noise_augmentation
    if not model.takes_label:
        if level > 0:
            raise BadRequest(
                f"The model {model.checkpoint.id!r} cannot be told how noisy its picture is: "
                f"noise_augmentation is {level}, expected 0."
            )
        return low, None
    grain = NoiseStream(order.seed, low.shape, model.device, first_draw=GRAIN_DRAW)
    taught, label = model.traits.small_noise, LABELS * level
    if taught is None:
        return noised_picture(low, level, grain()), label
    if round(label) > taught.most:
        raise BadRequest(
            f"noise_augmentation is {level}; the model {model.checkpoint.id!r} was taught noise up to "
            f"{taught.most / LABELS}, so 0 to {taught.most / LABELS} was expected."
        )
    return taught.noised(low, round(label), grain()), float(round(label))


def _multiple(model: LoadedModel) -> int:
    """What the latent's sides must be multiples of: the UNet halves them this often."""
    config: Any = model.unet.config  # diffusers' configs are typed loosely
    return int(2 ** (len(config.block_out_channels) - 1))
