"""Region prompts: each part of the picture follows words of its own, with any model that reads text.

At every step the network is asked once for the prompt of the whole and once for each region's, and the
predictions are mixed by where the regions are (MultiDiffusion: Bar-Tal et al. 2023, section 4.2). The
whole's prompt holds outside of all regions and, by a share, within them, so that one picture comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from webui.contracts.conditions import LayoutBox, RegionPrompt
from webui.contracts.parameters.regions import REGION_PROMPTS
from webui.engine.model import LoadedModel
from webui.engine.pixels import open_class_numbers
from webui.engine.placing import Shares, looks_at_words
from webui.engine.programs.beside import laid_beside
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.part import Part
from webui.engine.work import Pixels
from webui.prompt.reading import read_text


@dataclass(frozen=True, eq=False)
class Region:
    """Words, and where they hold."""

    prompt: str
    weight: float
    share: Tensor
    """How much of each latent cell is the region's, 0 to 1, (1, 1, h, w)."""


def regions_of(order: PictureOrder, model: LoadedModel) -> tuple[Region, ...]:
    """The regions of a request's class map, and its boxes over them; those without a place are left out.

    A class that the request has no words for is drawn by the prompt of the whole. None where the
    request is not drawn by region prompts.

    Raises:
        BadImage: the class map is missing from the order, or is none.
    """
    request = order.request
    if request.map_driver != REGION_PROMPTS:
        return ()
    width, height = order.size(model)
    painted: list[tuple[RegionPrompt, Tensor]] = []
    if request.class_map is not None:
        ids = torch.from_numpy(_class_ids(order.file(request.class_map, "class map"), order, model))
        painted = [(region, (ids == region.value).float()) for region in request.regions]
    for box in request.boxes:
        inside = _inside(box, width, height, order.part)
        painted = [(region, mask * (1 - inside)) for region, mask in painted]
        painted.append((_of_box(box, request.regions), inside))
    rows, columns = model.latent_shape(width, height)[-2:]
    return tuple(
        Region(
            read_text(region.prompt), region.weight, shares_of(mask, rows, columns).to(model.device)
        )
        for region, mask in painted
        if mask.any()
    )


def _class_ids(path: Path, order: PictureOrder, model: LoadedModel) -> Pixels:
    """The class map (height, width) of what is drawn."""
    size, nearest = order.size(model), Image.Resampling.NEAREST
    return np.asarray(laid_beside(order, open_class_numbers(path), *size, nearest)).copy()


def shares_of(mask: Tensor, rows: int, columns: int) -> Tensor:
    """How much of each cell a mask (H, W) of 0 and 1 covers, (1, 1, rows, columns)."""
    return functional.interpolate(mask[None, None], (rows, columns), mode="area")


def placed(
    weights: Sequence[float], regions: Sequence[Region], base: float
) -> tuple[float | Tensor, ...]:
    """Weights of each place: of the prompt's parts, then of the regions.

    Args:
        weights: Of the parts of the prompt of the whole.
        regions: Whose shares of a cell sum to at most 1.
        base: Share of the whole's prompt within regions.
    """
    if not regions:
        return tuple(weights)
    covered = torch.stack([region.share for region in regions]).sum(0).clamp(max=1)
    whole = 1 - covered * (1 - base)
    own = [region.share * (region.weight * (1 - base)) for region in regions]
    return (*(whole * weight for weight in weights), *own)


def looked_at(
    regions: Sequence[Region], strength: float, parts: int, model: LoadedModel
) -> Shares | None:
    """Where the prompt of the whole looks at the regions' words; None where it does not, or its network cannot.

    Args:
        regions: Of the request.
        strength: How much, 0 to 1.
        parts: Of the prompt of the whole; the regions' rows follow them.
        model: What draws.
    """
    if not regions or not strength or not looks_at_words(model.unet):
        return None
    cells = torch.cat([region.share for region in regions])
    return Shares(cells / cells.sum(0).clamp(min=1), strength, parts)


def _inside(box: LayoutBox, width: int, height: int, part: Part | None) -> Tensor:
    """1 where a pixel's middle is in the box, else 0; (height, width)."""
    if part is not None:  # a box is of the whole picture
        whole = Image.fromarray(_inside(box, *part.frame.size, None).numpy())
        return torch.from_numpy(np.array(part.cut_whole(whole, Image.Resampling.NEAREST)))
    across, down = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    columns = (across >= box.left) & (across < box.right)
    rows = (down >= box.top) & (down < box.bottom)
    return torch.from_numpy(np.outer(rows, columns)).float()


def _of_box(box: LayoutBox, regions: Sequence[RegionPrompt]) -> RegionPrompt:
    """The words of the box's label; the label itself where the request has none for it."""
    found = next((region for region in regions if region.name == box.label), None)
    return found or RegionPrompt(value=0, name=box.label, prompt=box.label)
