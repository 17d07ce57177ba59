"""Numbers about a picture that SDXL embeds beside the timestep (Podell et al. 2023, section 2.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from webui.engine.model import LoadedModel
from webui.engine.programs.order import PictureOrder

BASE, REFINER = 6, 5
"""How many a row has: original size, crop and target size; or original size, crop and aesthetic score."""


def size_rows(order: PictureOrder, model: LoadedModel, rows: int, parts: int) -> Tensor | None:
    """What each row is told, (R, N) on the model's device; None where the model is told nothing.

    Args:
        order: The picture.
        model: What draws it.
        rows: Of a prediction: the parts of the prompt, then, with guidance, the negative prompt.
        parts: Of the prompt. Only the row behind them has the negative aesthetic score.
    """
    count = model.traits.size_numbers
    if not count:
        return None
    request = order.request
    width, height = order.size(model)
    placed = [
        height if request.original_height is None else request.original_height,
        width if request.original_width is None else request.original_width,
        request.crop_top,
        request.crop_left,
    ]
    if count == REFINER:
        scores = [request.aesthetic_score] * parts + [request.negative_aesthetic_score]
        numbers = [[*placed, score] for score in scores[:rows]]
    else:
        target = [
            height if request.target_height is None else request.target_height,
            width if request.target_width is None else request.target_width,
        ]
        numbers = [[*placed, *target]] * rows
    return torch.tensor(numbers, dtype=torch.float32, device=model.device)
