"""Two ways to enlarge a picture, laid over one another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from webui.engine.model import LoadedModel
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.resample import enlarged_by
from webui.engine.work import Program


def blended(
    first: Callable[[PictureOrder, LoadedModel], Program],
) -> Callable[[PictureOrder, LoadedModel], Program]:
    """The first's picture with the request's second upscaler's over it, as visible as the request asks."""

    def program(order: PictureOrder, model: LoadedModel) -> Program:
        under = Image.fromarray(np.asarray((yield from first(order, model))))
        over = np.asarray((yield from enlarged_by(order.request.upscaler_2, order, model)))
        fitted = Image.fromarray(over).resize(under.size, Image.Resampling.LANCZOS)
        return np.asarray(Image.blend(under, fitted, order.request.upscaler_2_visibility)).copy()

    return program
