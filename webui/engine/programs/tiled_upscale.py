"""Upscaling by any text model: the enlarged picture, redrawn a little in overlapping windows.

At a low strength what is in the picture stays where it is, and the model adds the detail that
enlarging cannot. Every step goes window by window, each of a size that the model knows, and where
windows overlap their guesses are averaged (MultiDiffusion: Bar-Tal et al. 2023), so no border shows.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from webui.engine.model import LoadedModel
from webui.engine.programs.image_to_image import redrawn
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.resample import enlarged_by
from webui.engine.work import Program


def tiled_upscale(order: PictureOrder, model: LoadedModel) -> Program:
    """One picture of its image's size times the factor; strength 0 only encodes and decodes it."""
    large = yield from enlarged_by(order.request.tile_upscaler, order, model)
    return (yield from redrawn(order, model, Image.fromarray(np.asarray(large))))
