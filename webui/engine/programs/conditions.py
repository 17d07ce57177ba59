"""What a picture follows: prompt, boxes, maps and controlnets, as the numbers that networks take.

The plane functions are the ones that training uses too, so that a model is asked as it was taught.
All take one map (H, W) or a batch of them (B, H, W), as arrays or as tensors on any device.

Maps steer both rows of guidance; boxes only that of the prompt: the other's places are all empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from webui.contracts.errors import BadImage, BadRequest
from webui.engine.adapters.lora import Patches, PatchStages
from webui.engine.classifier_free import Guidance
from webui.engine.conditioners import projected_classes
from webui.engine.guidance import Conditioning, GuidedBy
from webui.engine.model import LoadedModel
from webui.engine.pixels import open_class_numbers, open_depths
from webui.engine.programs.beside import laid_beside
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.regions import looked_at, placed, regions_of
from webui.engine.programs.sizes import size_rows
from webui.engine.programs.steering import steering
from webui.engine.programs.tiled import guided_in_tiles
from webui.engine.programs.wordless import box_tokens, wordless_tokens
from webui.engine.prompting import Prompted, TextRows, Timeline, encode_prompts
from webui.engine.sampling_plan import Walk
from webui.engine.work import Denoise, Task

Map = NDArray[Any] | Tensor
"""(H, W) or (B, H, W)."""


def conditioned(
    order: PictureOrder,
    model: LoadedModel,
    walk: Walk,
    planes: Tensor | None = None,
    label: float | None = None,
    vector: Tensor | None = None,
) -> Task[Denoise]:
    """A denoiser that follows all that the request names.

    Args:
        order: The picture.
        model: What draws it.
        walk: Where it walks; its steps say when a controlnet's share of them is.
        planes: What the program itself lays beside the latent; else what the model's task wants.
        label: What the network embeds beside the timestep.
        vector: (1, P), what each part of the prompt is told of a picture as a whole; the negative prompt is told 0.

    Raises:
        EaselError: the request lacks what the model needs, or an adapter is made for another.
    """
    request, sigmas = order.request, walk.sigmas
    width, height = order.size(model)
    guidance, regions = Guidance.of(request, walk), regions_of(order, model)
    if model.checkpoint.task == "edit":
        guidance = replace(guidance, image_scale=request.image_guidance_scale)
    said = yield from _said(order, model, guidance, sigmas, [each.prompt for each in regions])
    stages = said.stages if vector is None else _told_of_picture(said, vector)
    weights = placed(said.weights, regions, request.region_base if request.prompt else 0.0)
    first = stages[0][1] if stages else None
    controls = []
    for control in order.controls:
        controls.append((yield from steering(order, model, control, sigmas)))
    conditioning = Conditioning(
        first,
        _planes(order, model) if planes is None else planes,
        size_rows(order, model, 1 if first is None else first.count, len(weights)),
        request.distilled_guidance_scale if model.traits.takes_guidance else label,
        later=stages[1:],
        weights=weights,
        controls=tuple(controls),
        patches=_from_levels(order.patches(len(sigmas) - 1), sigmas),
        alterations=order.alterations,
        places=looked_at(regions, request.region_attention, len(said.weights), model),
    )
    conditioning = order.extensions.conditioning(conditioning)
    plan = GuidedBy(guidance, walk.levels, order.extensions)
    # Planes of a program are of the latent's size, which may be larger than what is asked for.
    shape = model.latent_shape(width, height) if planes is None else planes.shape
    size = (shape[-2], shape[-1])
    return guided_in_tiles(model, conditioning, plan, size, order.tiles(model))


def _said(
    order: PictureOrder,
    model: LoadedModel,
    guidance: Guidance,
    sigmas: Sequence[float],
    elsewhere: Sequence[str] = (),
) -> Task[Prompted]:
    """Tokens of all that the picture follows; no stages for a network that attends to nothing.

    Args:
        order: The picture.
        model: What draws it.
        guidance: Says whether the negative prompt is wanted.
        sigmas: The levels that are walked.
        elsewhere: Prompts of regions, which follow the prompt's own parts.
    """
    if not model.reads_text:
        tokens = yield from wordless_tokens(order, model, guidance.needs_negative)
        return Prompted(() if tokens is None else ((sigmas[0], TextRows(tokens)),), (1.0,))
    request = order.request
    said = yield from encode_prompts(
        model,
        (request.prompt, request.negative_prompt, *elsewhere),
        guidance.needs_negative,
        order.text_patches(len(sigmas) - 1),
        order.reading,
        Timeline(sigmas, order.after, request.old_prompt_timelines),
    )
    if model.layout_encoder is None:
        return said
    boxes = yield from box_tokens(order, model, said.stages[0][1].count)
    return replace(said, stages=tuple((level, text.beside(boxes)) for level, text in said.stages))


def _told_of_picture(said: Prompted, vector: Tensor) -> tuple[tuple[float, TextRows], ...]:
    """The stages of a prompt with a vector (1, P) beside the tokens of each part; 0 beside the negative prompt's."""
    parts = len(said.weights)
    return tuple(
        (level, replace(text, pooled=torch.cat((vector,) * parts + (0 * vector,))[: text.count]))
        for level, text in said.stages
    )


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
    whole = _whole_cells(_checked(ids, classes), factor).long()
    shares = functional.one_hot(whole, classes).permute(0, 3, 1, 2).float()  # (B, classes, H, W)
    return functional.pixel_unshuffle(functional.avg_pool2d(shares, factor // 2), 2)


def _checked(ids: Map, classes: int) -> Tensor:
    """Class ids (B, H, W).

    Raises:
        BadImage: one is not below `classes`.
    """
    batch = _batch(ids)
    if (highest := int(batch.max())) >= classes:
        raise BadImage(
            f"The class map holds the value {highest}; the model knows the classes 0 to "
            f"{classes - 1}. Draw each class in the colour of its number."
        )
    return batch


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


def hide_masked(pixels: Tensor, mask: Map, hidden: float = 0.0) -> Tensor:
    """Pixels (B, 3, H, W) in [-1, 1] with a middle grey, or another value, where the mask is more than 0."""
    whole = _padded(_batch(mask), *pixels.shape[-2:])
    return torch.where((whole == 0)[:, None].to(pixels.device), pixels, hidden)


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
        numbers = open_class_numbers(order.file(request.class_map, "class map"))
        ids = laid_beside(order, numbers, width, height, Image.Resampling.NEAREST)
        return _map_planes(np.asarray(ids), model).to(model.device)
    if checkpoint.task == "depth":
        depths = open_depths(order.file(request.depth_map, "depth map"))
        depth = laid_beside(order, depths, width, height, Image.Resampling.BILINEAR)
        return depth_plane(np.asarray(depth), checkpoint.latent_factor).to(model.device)
    if checkpoint.task == "inpaint":
        raise BadRequest(
            f"The model {checkpoint.id!r} redraws parts of a picture: it needs an image and a mask."
        )
    return None


def _map_planes(ids: Map, model: LoadedModel) -> Tensor:
    """A class map as the model takes it."""
    checkpoint, projection = model.checkpoint, model.conditioners.map_projection
    factor = checkpoint.latent_factor
    if projection is None:
        return class_planes(ids, len(checkpoint.classes), factor)
    whole = _whole_cells(_checked(ids, projection.shape[1]), factor)
    return projected_classes(whole.to(projection.device), projection, factor)


def _from_levels(stages: PatchStages, sigmas: Sequence[float]) -> tuple[tuple[float, Patches], ...]:
    """(level from which they are at work, going down; LoRAs), highest level first."""
    begins = [0, *(until for until, _ in stages)]  # steps before a stage
    return tuple(
        (sigmas[begin], patches) for begin, (_, patches) in zip(begins, stages, strict=False)
    )


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
