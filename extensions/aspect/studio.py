"""Gives an order its size before it is checked; the rest of the studio sees an ordinary one."""

import math

from webui.contracts.request import GenerationRequest
from webui.hooks.specs import hookimpl

from .arguments import Aspect

MULTIPLE = 64
"""Of both sides, in pixels: all models of latents draw such sizes."""
LEAST, MOST = 64, 4096


@hookimpl
def change_request(request: GenerationRequest, arguments: Aspect) -> GenerationRequest:
    """The size in place of the order's own."""
    width, height = size_of(arguments)
    return request.model_copy(update={"width": width, "height": height})


def size_of(arguments: Aspect) -> tuple[int, int]:
    """Width and height in pixels, multiples of 64 nearest to the ratio and the area."""
    longer, shorter = map(int, arguments.ratio.split(":"))
    short = math.sqrt(arguments.megapixels * 2**20 * shorter / longer)
    sides = _side(short * longer / shorter), _side(short)
    return (sides[1], sides[0]) if arguments.upright else sides


def _side(pixels: float) -> int:
    return min(MOST, max(LEAST, round(pixels / MULTIPLE) * MULTIPLE))
