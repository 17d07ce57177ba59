"""The second pass of txt2img: enlarge what was drawn, noise it part of the way, and draw it further."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from PIL import Image
from torch import Tensor
from torch.nn import functional

from webui.contracts.parameters.hires import LATENT_UPSCALERS, SAME_SAMPLER, SAME_SCHEDULE
from webui.contracts.request import GenerationRequest
from webui.contracts.steps import hires_steps_of
from webui.engine.model import LoadedModel
from webui.engine.pixels import fit_image, to_tensor
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.refiner import check_latents, refined
from webui.engine.programs.resample import RESAMPLING, through_upscaler
from webui.engine.programs.tiled import decode
from webui.engine.sampling import sample
from webui.engine.sampling_plan import Walk
from webui.engine.work import EncodeImage, Pixels, Task

_INTERPOLATION: Mapping[str, tuple[str, bool]] = dict(
    zip(
        LATENT_UPSCALERS,
        [
            ("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True),
            ("nearest", False), ("nearest-exact", False),
        ],
        strict=True,
    )
)  # fmt: skip
"""Mode of interpolation, and whether it is antialiased."""


def hires(order: PictureOrder, model: LoadedModel, latent: Tensor) -> Task[Pixels]:
    """The picture of a first pass's latent (1, C, h, w), at the second pass's size."""
    request = order.request
    width, height = request.hires_size(*order.size(model))
    again = second_order(order, width, height)
    second = model
    if request.hires_model and request.hires_model != model.checkpoint.id:
        second = order.model(request.hires_model)
        check_latents(model, second, "hires checkpoint")
    latent = yield from enlarged(order, model, second, latent)
    model = second
    total, steps = hires_steps_of(request)
    if steps > 0:
        whole = again.request.model_copy(update={"steps": total})
        walk = Walk.of(whole, model.levels_at(width, height), order.extensions).last(steps)
        denoise = yield from refined(again, model, walk)
        noise = again.noise(model, latent.shape)
        x = walk.noised(latent, noise)
        latent = yield from sample(walk, denoise, x, noise, before=order.request.steps)
    return (yield from decode(model, latent, width, height, request.tiling))


def second_order(order: PictureOrder, width: int, height: int) -> PictureOrder:
    """The second pass's picture; with a prompt of its own it has that prompt's LoRAs."""
    request = second_request(order.request, width, height)
    if order.request.hires_prompt:
        request = request.model_copy(update={"loras": order.hires_loras})
    return replace(order, request=request, after=order.request.steps)


def second_request(request: GenerationRequest, width: int, height: int) -> GenerationRequest:
    """What the second pass draws: the request, with its own settings in place of the first's."""
    own: dict[str, object] = {"width": width, "height": height}
    if request.hires_sampler != SAME_SAMPLER:
        own["sampler"] = request.hires_sampler
    if request.hires_schedule != SAME_SCHEDULE:
        own["schedule"] = request.hires_schedule
    for name in ("prompt", "negative_prompt", "guidance_scale"):
        if value := getattr(request, f"hires_{name}"):
            own[name] = value
    return request.model_copy(update=own)


def enlarged(
    order: PictureOrder, model: LoadedModel, second: LoadedModel, latent: Tensor
) -> Task[Tensor]:
    """The latent of the picture at the second pass's size and of its model, its middle kept."""
    upscaler, size = order.request.hires_upscaler, order.request.hires_size(*order.size(model))
    if upscaler in _INTERPOLATION:
        _, _, rows, columns = model.latent_shape(*size)
        return interpolated(latent, rows, columns, *_INTERPOLATION[upscaler])
    pixels = yield from decode(model, latent, *order.size(model), order.request.tiling)
    image = Image.fromarray(np.asarray(pixels))
    if upscaler not in RESAMPLING:
        image = yield from through_upscaler(upscaler, order, model, image, size)
    image = fit_image(image, *size, RESAMPLING.get(upscaler, Image.Resampling.LANCZOS))
    large = to_tensor(image, second.checkpoint.latent_factor).to(second.device)
    encoded: Tensor = yield EncodeImage(second, large)
    return encoded


def interpolated(latent: Tensor, rows: int, columns: int, mode: str, antialias: bool) -> Tensor:
    """A latent (1, C, h, w) enlarged to cover (rows, columns), and cut to it about its middle."""
    high, wide = latent.shape[-2:]
    scale = max(rows / high, columns / wide)
    cover = max(rows, round(high * scale)), max(columns, round(wide * scale))
    large = functional.interpolate(latent, cover, mode=mode, antialias=antialias)
    top, left = (cover[0] - rows) // 2, (cover[1] - columns) // 2
    return large[..., top : top + rows, left : left + columns].contiguous()
