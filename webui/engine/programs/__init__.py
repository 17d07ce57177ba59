"""Programs, one a file: each makes one picture, readable top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from webui.engine.model import LoadedModel
from webui.engine.programs.image_to_image import image_to_image
from webui.engine.programs.order import PictureOrder, steps_of
from webui.engine.programs.text_to_image import text_to_image
from webui.engine.work import Program

__all__ = ["PROGRAMS", "PictureOrder", "steps_of"]

PROGRAMS: Mapping[str, Callable[[PictureOrder, LoadedModel], Program]] = {
    "txt2img": text_to_image,
    "img2img": image_to_image,
}
"""By `GenerationRequest.task`."""
