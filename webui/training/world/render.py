"""Draws a scene at any size, with its class map, its depth and its boxes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from webui.training.world.brush import Canvas
from webui.training.world.land import draw_land
from webui.training.world.scene import Scene
from webui.training.world.sky import draw_sky
from webui.training.world.styles import apply_style
from webui.training.world.things import draw_thing


@dataclass(frozen=True)
class Box:
    """Where one thing stands, in fractions of the picture."""

    name: str
    colour: str | None
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Rendering:
    """A drawn scene and the truth of it.

    Attributes:
        image: Colours, (height, width, 3).
        class_map: The class id of each pixel, (height, width).
        depth: How far each pixel is, 0 near to 1 far, (height, width).
        boxes: The sun or moon and clouds, then every single thing.
    """

    image: npt.NDArray[np.uint8]
    class_map: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    boxes: tuple[Box, ...]


def render(scene: Scene, width: int = 128, height: int = 128) -> Rendering:
    """Draws a scene; the same scene at another size shows the same picture."""
    canvas = Canvas(width, height)
    boxes = [Box(name, None, *bounds) for name, bounds in draw_sky(canvas, scene)]
    draw_land(canvas, scene)
    for thing in sorted(scene.things, key=lambda thing: thing.y):
        name = "flower" if thing.kind == "flowers" else thing.kind
        for bounds in draw_thing(canvas, scene, thing):
            boxes.append(Box(name, thing.colour, *bounds))
    image, class_map, depth = canvas.finish()
    image = apply_style(image, class_map, depth, scene)
    return Rendering(image, class_map, depth, tuple(boxes))
