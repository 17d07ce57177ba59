"""What a picture follows: prompt, boxes, maps and controlnets, as the numbers that networks take.

The plane functions are the ones that training uses too, so that a model is asked as it was taught.
All take one map (H, W) or a batch of them (B, H, W), as arrays or as tensors on any device.

Maps steer both rows of guidance; boxes only that of the prompt: the other's places are all empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from webui.contracts.conditions import ControlUse, LayoutBox
from webui.contracts.errors import BadImage, BadRequest
from webui.engine.adapters.controlnet import Control, LoadedControl
from webui.engine.classifier_free import Guidance
from webui.engine.guidance import Conditioning, GuidedBy, Steering, Timeline, encode_prompts
from webui.engine.model import LoadedModel
from webui.engine.pixels import fit_image, open_class_map, open_depth_map, open_image, to_tensor
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.regions import placed, regions_of
from webui.engine.programs.tiled import guided_in_tiles
from webui.engine.sampling_plan import Walk
from webui.engine.work import Denoise, EncodeBoxes, Task

Map = NDArray[Any] | Tensor
"""(H, W) or (B, H, W)."""


def conditioned(
    order: PictureOrder, model: LoadedModel, walk: Walk, planes: Tensor | None = None
) -> Task[Denoise]:
    """A denoiser that follows all that the request names.

    Args:
        order: The picture.
        model: What draws it.
        walk: Where it walks; its steps say when a controlnet's share of them is.
        planes: What the program itself lays beside the latent; else what the model's task wants.

    Raises:
        EaselError: the request lacks what the model needs, or an adapter is made for another.
    """
    request, sigmas = order.request, walk.sigmas
    width, height = order.size(model)
    guidance, regions = Guidance.of(request, walk), regions_of(order, model)
    said = yield from encode_prompts(
        model,
        (request.prompt, request.negative_prompt, *(region.prompt for region in regions)),
        guidance.needs_negative,
        order.text_patches,
        order.reading,
        Timeline(sigmas, order.after),
    )
    stages = said.stages
    if model.layout_encoder is not None:
        boxes = yield from _box_tokens(order, model, stages[0][1].shape[0])
        stages = tuple((level, torch.cat((tokens, boxes), 1)) for level, tokens in stages)
    conditioning = Conditioning(
        stages[0][1],
        _planes(order, model) if planes is None else planes,
        later=stages[1:],
        weights=placed(said.weights, regions, request.region_base if request.prompt else 0.0),
        controls=tuple(_steering(order, model, control, sigmas) for control in order.controls),
        patches=order.patches,
        alterations=order.alterations,
    )
    size = model.latent_shape(width, height)[-2:]
    return guided_in_tiles(model, conditioning, GuidedBy(guidance, walk.levels), size)


def class_planes(ids: Map, classes: int, factor: int = 8) -> Tensor:
    """Class ids as shares of each class in each quarter of a latent cell (paper, section 4.3.2).

    One-hot over the classes, averaged over blocks of half a cell's side, and the 2x2 blocks of a
    cell laid into channels: channel 4 * c + 2 * row + column is class c in that block.

    Args:
        ids: uint8; the right and lower edge repeat up to a whole cell.
        classes: Number of classes; ids are below it.
        factor: Pixels per latent cell along a side, even.

    Returns:
        (B, 4 * classes, h, w), float32 in [0, 1].

    Raises:
        BadImage: an id is not below `classes`.
    """
    whole = _whole_cells(_batch(ids), factor).long()
    highest = int(whole.max())
    if highest >= classes:
        raise BadImage(
            f"The class map holds the value {highest}; the model knows the classes 0 to "
            f"{classes - 1}. Draw each class in the colour of its number."
        )
    shares = functional.one_hot(whole, classes).permute(0, 3, 1, 2).float()  # (B, classes, H, W)
    return functional.pixel_unshuffle(functional.avg_pool2d(shares, factor // 2), 2)


def depth_plane(depth: Map, factor: int = 8) -> Tensor:
    """A depth map of any scale, averaged to the latent grid and stretched to [-1, 1].

    Each map's nearest cell is 1 and its farthest -1, as Stable Diffusion 2 has it; a flat map is 0.

    Args:
        depth: Any numbers, larger is nearer; the right and lower edge repeat up to a whole cell.
        factor: Values per latent cell along a side.

    Returns:
        (B, 1, h, w), float32.
    """
    cells = functional.avg_pool2d(_whole_cells(_batch(depth).float(), factor), factor)  # (B, h, w)
    far, near = cells.amin((1, 2), keepdim=True), cells.amax((1, 2), keepdim=True)
    spread = torch.where(near > far, near - far, torch.ones_like(near))
    stretched = torch.where(near > far, (cells - far) / spread * 2 - 1, torch.zeros_like(cells))
    return stretched[:, None]


def mask_plane(mask: Map, factor: int = 8) -> Tensor:
    """Which latent cells are redrawn: 1 where any pixel of the cell is more than 0, else 0.

    Returns:
        (B, 1, h, w), float32.
    """
    whole = _whole_cells((_batch(mask) > 0).float(), factor)
    return functional.max_pool2d(whole[:, None], factor)


def hide_masked(pixels: Tensor, mask: Map) -> Tensor:
    """Pixels (B, 3, H, W) in [-1, 1] with 0, a middle grey, wherever the mask is more than 0."""
    whole = _padded(_batch(mask), *pixels.shape[-2:])
    return pixels * (whole == 0)[:, None].to(pixels)


def noised_picture(low: Tensor, level: float | Tensor, noise: Tensor) -> Tensor:
    """A small picture (B, 3, h, w) in [-1, 1] with noise of this standard deviation, 0 to 1.

    The noise conditioning augmentation of Ho et al. 2021 (Cascaded Diffusion Models): the network
    is told `1000 * level` as its label, so that it knows what to take for noise.
    """
    spread = level.view(-1, 1, 1, 1) if isinstance(level, Tensor) else level
    return low + spread * noise


def _planes(order: PictureOrder, model: LoadedModel) -> Tensor | None:
    """What the model's task lays beside the latent, (1, K, h, w)."""
    checkpoint, request = model.checkpoint, order.request
    width, height = order.size(model)
    if checkpoint.task == "semantic":
        ids = open_class_map(order.file(request.class_map, "class map"), width, height)
        planes = class_planes(ids, len(checkpoint.classes), checkpoint.latent_factor)
        return planes.to(model.device)
    if checkpoint.task == "depth":
        depth = open_depth_map(order.file(request.depth_map, "depth map"), width, height)
        return depth_plane(depth, checkpoint.latent_factor).to(model.device)
    if checkpoint.task == "inpaint":
        raise BadRequest(
            f"The model {checkpoint.id!r} redraws parts of a picture: it needs an image and a mask."
        )
    return None


def _box_tokens(order: PictureOrder, model: LoadedModel, rows: int) -> Task[Tensor]:
    """(R, L, D): the boxes of the request for each part of the prompt, then, with guidance, no boxes."""
    boxes = torch.tensor([_box(box, model) for box in order.request.boxes], dtype=torch.float32)
    boxes = boxes.reshape(1, -1, 5)[:, : model.max_boxes].to(model.device)
    given: Tensor = yield EncodeBoxes(model, boxes)
    if rows == 1:
        return given
    none: Tensor = yield EncodeBoxes(model, boxes[:, :0])
    return torch.cat((given.expand(rows - 1, -1, -1), none))


def _box(box: LayoutBox, model: LoadedModel) -> tuple[float, ...]:
    classes = model.checkpoint.classes
    if box.label not in classes:
        raise BadRequest(
            f"The model {model.checkpoint.id!r} knows no {box.label!r}; "
            f"it knows {', '.join(classes)}. Label the box with one of these."
        )
    return float(classes.index(box.label)), box.left, box.top, box.right, box.bottom


def _steering(
    order: PictureOrder,
    model: LoadedModel,
    control: tuple[LoadedControl, ControlUse],
    sigmas: Sequence[float],
) -> Steering:
    """A controlnet with its hint at the size that it reads, and the levels of its steps."""
    net, use = control
    net.check_fits(model.unet, model.checkpoint.latent_channels)
    _, _, rows, columns = model.latent_shape(*order.size(model))
    # Class colours must not be mixed into those of other classes.
    resampling = Image.Resampling.NEAREST if net.info.reads == "classes" else Image.Resampling.BOX
    image = open_image(order.file(use.image, "control picture"))
    fitted = fit_image(image, columns * net.factor, rows * net.factor, resampling)
    hint = (to_tensor(fitted, 1) + 1) / 2
    count = len(sigmas) - 1
    steered = [
        sigmas[i] for i in range(count) if i / count >= use.start and (i + 1) / count <= use.end
    ]
    highest, lowest = (steered[0], steered[-1]) if steered else (-1.0, 0.0)
    return Steering(Control(net, hint.to(model.device), use.weight), highest, lowest)


def _batch(values: Map) -> Tensor:
    if not isinstance(values, Tensor):
        values = torch.from_numpy(np.array(values))  # a copy: the array may be read-only
    return values[None] if values.dim() == 2 else values


def _whole_cells(values: Tensor, factor: int) -> Tensor:
    """(B, H, W) with its right and lower edge repeated up to a multiple of `factor`."""
    height, width = values.shape[1:]
    return _padded(values, height + -height % factor, width + -width % factor)


def _padded(values: Tensor, height: int, width: int) -> Tensor:
    if values.shape[1:] == (height, width):
        return values
    rows = torch.arange(height, device=values.device).clamp(max=values.shape[1] - 1)
    columns = torch.arange(width, device=values.device).clamp(max=values.shape[2] - 1)
    return values[:, rows][:, :, columns]
