"""Control pictures: how each that steers reads its own, at which steps and where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from webui.contracts.conditions import ControlUse
from webui.contracts.errors import BadRequest
from webui.engine.adapters.control import Control, Steerer, Unit
from webui.engine.adapters.control_lora import LoadedControlLora
from webui.engine.adapters.controlnet import LoadedControl, kind_of
from webui.engine.adapters.flow_control import LoadedFlowControl
from webui.engine.adapters.ip_adapter import LoadedIpAdapter
from webui.engine.adapters.style_adapter import LoadedStyleAdapter
from webui.engine.adapters.t2i_adapter import LoadedT2iAdapter
from webui.engine.guidance import Steering
from webui.engine.model import LoadedModel
from webui.engine.pixels import fit_image, open_image, open_mask_image, open_see_through, to_tensor
from webui.engine.programs.beside import laid_beside, mask_beside
from webui.engine.programs.order import PictureOrder
from webui.engine.work import EncodeImage, ReadPicture, Task

Pictured = LoadedControl | LoadedFlowControl | LoadedT2iAdapter
"""What reads a picture place by place."""
INPAINT = "inpaint"
"""The kind of control picture that shows what stays, and hides what is redrawn."""
HIDDEN, HIDDEN_OF_UNION = -1.0, 0.0
"""What an inpainting controlnet is shown where the picture is redrawn, beside levels of 0 to 1: that of ControlNet 1.1
(Zhang et al. 2023) was taught with -1, the union for SDXL with black."""
HALF = 128
"""From which level on a mask is white to such a controlnet, which knows nothing between."""


def steering(
    order: PictureOrder,
    model: LoadedModel,
    control: tuple[Unit, ControlUse],
    sigmas: Sequence[float],
) -> Task[Steering]:
    """What steers, with its hint as it reads it, and the levels of its steps."""
    unit, use = control
    net = unit.over(model.unet, model.merged) if isinstance(unit, LoadedControlLora) else unit
    net.check_fits(model.unet, model.checkpoint.latent_channels)
    image = open_image(order.file(use.image, "control picture"))
    if isinstance(net, LoadedStyleAdapter):
        if use.mask is not None:
            raise BadRequest(
                f"The style adapter {net.info.id!r} was given a mask, and what it says stands behind the whole prompt. "
                "Leave the mask out; an IP-Adapter takes one."
            )
        encoder = order.image_encoder(net)
        hint = yield ReadPicture(model, encoder, encoder.seen(image), patches=False, last=True)
    elif isinstance(net, LoadedIpAdapter):
        encoder = order.image_encoder(net)
        hint = yield ReadPicture(model, encoder, encoder.seen(image), net.info.patch_width > 0)
        if net.info.network is not None:  # the negative prompt is shown a black picture
            black = Image.new("RGB", (encoder.side, encoder.side))
            nothing = yield ReadPicture(model, encoder, encoder.seen(black), patches=False)
            hint = torch.cat((hint[:1], nothing[:1]))
    elif isinstance(net, LoadedFlowControl) and net.reads_latents:
        hint = yield from _latent_hint(order, model, net, (use, image))
    else:
        hint = _hint(order, model, net, (use, image))
        if (level := _hidden(net, use)) is not None:
            hint = _hide(hint, order, use, level)
    no_place = (
        isinstance(net, (LoadedStyleAdapter, LoadedIpAdapter)) or _hidden(net, use) is not None
    )
    count = len(sigmas) - 1
    steered = [
        sigmas[i] for i in range(count) if i / count >= use.start and (i + 1) / count <= use.end
    ]
    highest, lowest = (steered[0], steered[-1]) if steered else (-1.0, 0.0)
    kind = kind_of(net.info, use.kind)
    mask = _where(order, model, use, None if no_place else image)
    steers = Control(net, hint.to(model.device), use.weight, kind, mask, use.mode)
    return Steering(steers, highest, lowest)


def _where(
    order: PictureOrder, model: LoadedModel, use: ControlUse, image: Image.Image | None
) -> Tensor | None:
    """Where a control steers, (1, 1, h, w) in [0, 1]: the share of each latent cell that its mask has.

    A control picture `image` that is laid over the picture has nothing to say of what is drawn beyond its sides. None: it
    steers everywhere.
    """
    part = order.part
    if use.mask is not None:
        white = open_mask_image(order.file(use.mask, "mask of a control"))
    elif image is None or part is None or not part.reaches_beyond(image):
        return None
    else:
        white = Image.new("L", part.frame.picture, 255)
    _, _, rows, columns = model.latent_shape(*order.size(model))
    factor = model.checkpoint.latent_factor
    fitted = mask_beside(order, white, columns * factor, rows * factor)
    cells = np.asarray(fitted, np.float32).reshape(rows, factor, columns, factor).mean((1, 3)) / 255
    return torch.from_numpy(cells)[None, None].to(model.device)


def _hidden(net: Steerer, use: ControlUse) -> float | None:
    """What stands where the picture is redrawn, where this is what the control picture leaves open; else None."""
    if isinstance(net, LoadedFlowControl) and net.reads_mask:
        return HIDDEN
    kinds = net.info.kinds
    if (kind_of(net.info, use.kind) if kinds else net.info.reads) != INPAINT:
        return None
    return HIDDEN_OF_UNION if kinds else HIDDEN


def _hide(hint: Tensor, order: PictureOrder, use: ControlUse, level: float) -> Tensor:
    """A hint (1, 3, H, W) without what is redrawn."""
    return torch.where(_redrawn(order, use, hint.shape[-2:]), level, hint)


def _redrawn(order: PictureOrder, use: ControlUse, size: Sequence[int]) -> Tensor:
    """Where a control picture is not shown, (H, W) of `size`: what the mask redraws, and what is see-through in it."""
    see_through = open_see_through(order.file(use.image, "control picture"))
    height, width = size
    masks = [mask_beside(order, see_through, width, height, use.resize_mode)]
    if order.masked is not None:
        masks.append(fit_image(Image.fromarray(order.masked), width, height, Image.Resampling.BOX))
    white = torch.from_numpy(np.maximum.reduce([np.asarray(mask) for mask in masks]))
    return white >= HALF


def _hint(
    order: PictureOrder,
    model: LoadedModel,
    net: LoadedControl | LoadedFlowControl | LoadedT2iAdapter,
    shown: tuple[ControlUse, Image.Image],
) -> Tensor:
    """A control picture at the size that a network reads, (1, 3, H, W) in [0, 1]."""
    return (_fitted(order, model, net, shown, net.factor) + 1) / 2


def _latent_hint(
    order: PictureOrder,
    model: LoadedModel,
    net: LoadedFlowControl,
    shown: tuple[ControlUse, Image.Image],
) -> Task[Tensor]:
    """A control picture as the first stage encodes it, (1, C, h, w).

    Of one that reads a mask without what is redrawn, and with one channel more, which is 1 where the picture stays.
    """
    use, _ = shown
    pixels = _fitted(order, model, net, shown, model.checkpoint.latent_factor)
    white = _redrawn(order, use, pixels.shape[-2:]) if net.reads_mask else None
    if white is not None:
        pixels = torch.where(white, HIDDEN, pixels)
    latent: Tensor = yield EncodeImage(model, pixels.to(model.device))
    if white is not None:
        stays = 1 - functional.interpolate(white[None, None].to(latent), latent.shape[-2:])
        return torch.cat((latent, stays), dim=1)
    return latent + model.latent_shift * model.latent_scale if net.is_unshifted else latent


def _fitted(
    order: PictureOrder,
    model: LoadedModel,
    net: LoadedControl | LoadedFlowControl | LoadedT2iAdapter,
    shown: tuple[ControlUse, Image.Image],
    factor: int,
) -> Tensor:
    """A control picture at so many pixels per latent cell, (1, 3, H, W) in [-1, 1]."""
    use, image = shown
    _, _, rows, columns = model.latent_shape(*order.size(model))
    width, height = columns * factor, rows * factor
    # Class colours must not be mixed into those of other classes.
    resampling = Image.Resampling.NEAREST if net.info.reads == "classes" else Image.Resampling.BOX
    return to_tensor(laid_beside(order, image, width, height, resampling, use.resize_mode), 1)
