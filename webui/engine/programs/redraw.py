"""Drawing a picture that is at hand again, or a part of it: for extensions that look at what was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from PIL import Image

from webui.contracts.errors import BadRequest
from webui.contracts.ids import ImageId
from webui.contracts.parameters.start_image import JUST_RESIZE
from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.engine.programs.image_to_image import redrawn
from webui.engine.programs.order import PictureOrder
from webui.engine.work import Pixels, Result, StepTaken, Task
from webui.prompt.reading import read_text

DRAWS_PARTS = ("text", "layout")
"""Tasks of models that can draw a part of a picture: they need no map of it."""
_AT_HAND = ImageId("at hand")
_OF_THE_WHOLE = (
    "mask", "class_map", "depth_map", "boxes", "regions", "map_driver", "controls", "tiling",
    "upscaler", "colour_correction", "noise_multiplier",
)  # fmt: skip
"""Fields that say something of the whole picture, or of how it came about."""


def redraw(
    order: PictureOrder,
    model: LoadedModel,
    picture: Pixels,
    size: tuple[int, int],
    strength: float,
    prompt: str = "",
) -> Task[Pixels]:
    """A picture, or a part of one, drawn again by image to image with the order's settings.

    Prompt, seed, sampler, steps, guidance and LoRAs are the order's, and so are its extensions, all but
    those that wrap programs. Maps, regions, controls and masks are left out, for they are of the whole. The
    steps are not told: a job's count is of the picture itself.

    Args:
        order: The picture's own.
        model: What draws.
        picture: (height, width, 3) of uint8, of any size.
        size: Width and height to draw it at, which is what comes back: multiples of eight.
        strength: How far it is led away from what it is, 0 to 1.
        prompt: Its own words; empty takes the order's.

    Raises:
        BadRequest: the model draws by a map or a picture of the whole.
    """
    if model.checkpoint.task not in DRAWS_PARTS:
        raise BadRequest(
            f"The model {model.checkpoint.id!r} draws by a picture of the whole (its task is "
            f"{model.checkpoint.task!r}), so it cannot draw a part again. Choose one that draws by words."
        )
    fields: dict[str, object] = {
        **{name: GenerationRequest.model_fields[name].default for name in _OF_THE_WHOLE},
        "image": _AT_HAND, "resize_mode": JUST_RESIZE, "width": size[0], "height": size[1],
        "denoising_strength": strength,
    }  # fmt: skip
    again = _asking(order, fields | ({"prompt": read_text(prompt)} if prompt.strip() else {}))
    return (yield from _untold(redrawn(again, model, Image.fromarray(np.asarray(picture)))))


def _asking(order: PictureOrder, fields: Mapping[str, object]) -> PictureOrder:
    return replace(order, request=order.request.model_copy(update=dict(fields)))


def _untold(task: Task[Result]) -> Task[Result]:
    """The task, without its notes of progress."""
    answer: object = None
    try:
        while True:
            wanted = task.send(answer)
            answer = None if isinstance(wanted, StepTaken) else (yield wanted)
    except StopIteration as ended:
        result: Result = ended.value
        return result
    finally:
        task.close()
