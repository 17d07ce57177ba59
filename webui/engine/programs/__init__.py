"""Programs, one a file: each makes one picture, readable top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.parameters.upscaling import BY_MODEL
from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.engine.programs.blend import blended
from webui.engine.programs.edit import edit
from webui.engine.programs.image_to_image import image_to_image
from webui.engine.programs.inpaint import inpaint
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.resample import resample
from webui.engine.programs.text_to_image import text_to_image
from webui.engine.programs.tiled_upscale import tiled_upscale
from webui.engine.programs.upscale import upscale
from webui.engine.programs.variation import variation
from webui.engine.work import Program

__all__ = ["PROGRAMS", "PictureOrder", "program_for"]

MakeProgram = Callable[[PictureOrder, LoadedModel], Program]

PROGRAMS: Mapping[str, MakeProgram] = {
    "txt2img": text_to_image,
    "img2img": image_to_image,
    "inpaint": inpaint,
    "edit": edit,
    "variation": variation,
    "upscale": upscale,
    "resample": resample,
    "tiled upscale": tiled_upscale,
}
"""By `GenerationRequest.task`; 'edit', 'variation' and 'upscale' are the model's, the last two the upscaler's."""


def program_for(request: GenerationRequest, checkpoint: CheckpointInfo) -> MakeProgram:
    """What makes a picture of a request with a model."""
    made = _program_for(request, checkpoint)
    return blended(made) if request.blends else made


def _program_for(request: GenerationRequest, checkpoint: CheckpointInfo) -> MakeProgram:
    if request.is_drawn_in_tiles:
        return PROGRAMS["tiled upscale"]
    if request.upscaler != BY_MODEL:
        return PROGRAMS["resample"]
    own = checkpoint.task if checkpoint.task in ("upscale", "edit", "variation") else None
    return PROGRAMS[own or request.task]
