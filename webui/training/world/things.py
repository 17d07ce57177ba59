"""Draws the things of a scene: houses, trees, pines, boats, balloons and flowers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from webui.training.world.brush import Canvas, Points, oval, points
from webui.training.world.classes import CLASS_INDEX
from webui.training.world.land import ground_depth
from webui.training.world.palette import COLOURS, LIGHTS, RGB, land_colour, mix, thing_colour
from webui.training.world.scene import HALF_WIDTH, SPACING, Scene, Thing

_STEP: dict[str, tuple[float, float, float]] = {
    "tree": (0.0, 0.03, -0.01),
    "pine": (0.0, 0.03, -0.01),
    "boat": (0.0, 0.035, -0.012),
    "balloon": (0.0, 0.07, 0.015),
}
_SCALE = (1.0, 0.88, 0.94)
_WHITE: RGB = (255, 255, 255)
_BLACK: RGB = (24, 20, 40)


@dataclass(frozen=True)
class _Spot:
    """Where one thing stands: its foot's centre, its height, its class and its depth."""

    canvas: Canvas
    scene: Scene
    x: float
    y: float
    size: float
    cls: int
    depth: float

    def fill(self, pairs: list[tuple[float, float]] | Points, colour: RGB) -> None:
        """Fills a polygon given in heights of the thing, up from its foot."""
        shape = np.asarray(pairs, dtype=np.float64)
        flipped = shape * np.array([self.size, -self.size]) + np.array([self.x, self.y])
        self.canvas.poly(flipped, colour, self.cls, self.depth)

    def disc(self, u: float, v: float, radius: float, colour: RGB) -> None:
        """Fills a disc given in heights of the thing."""
        self.fill(oval(u, v, radius, radius, 24), colour)

    def shadow(self, width: float) -> None:
        """Lays a soft shadow under the foot."""
        outline = oval(self.x, self.y, width * self.size, 0.05 * self.size)
        self.canvas.wash(outline, [(0.0, _BLACK)], 0.2)


def draw_thing(
    canvas: Canvas, scene: Scene, thing: Thing
) -> list[tuple[float, float, float, float]]:
    """Draws every member of a thing's group and returns their bounds."""
    draw = _DRAW[thing.kind]
    bounds = []
    cls = CLASS_INDEX["flower" if thing.kind == "flowers" else thing.kind]
    step = 2.0 * HALF_WIDTH[thing.kind] * thing.size * SPACING * canvas.unit
    steps = _STEP.get(thing.kind, (0.0, 0.0, 0.0))
    members = sorted(range(thing.count), key=lambda member: steps[member])
    for member in members:
        foot = thing.y + steps[member]
        depth = 0.5 if thing.kind == "balloon" else ground_depth(scene, foot)
        x = thing.x * canvas.width + (member - (thing.count - 1) / 2.0) * step
        size = thing.size * canvas.unit * (_SCALE[member] if thing.count > 1 else 1.0)
        y = foot * canvas.height
        if thing.kind == "balloon":
            y -= (canvas.height - canvas.unit) * thing.size / 2.0
        canvas.start_bounds()
        draw(_Spot(canvas, scene, x, y, size, cls, depth), thing)
        bounds.append(canvas.bounds())
    return bounds


def _base(spot: _Spot, thing: Thing) -> RGB:
    return thing_colour(COLOURS[thing.colour or "white"], spot.scene.time)


def _house(spot: _Spot, thing: Thing) -> None:
    time = spot.scene.time
    wall = _base(spot, thing)
    roof = thing_colour((98, 78, 72), time)
    spot.shadow(0.6)
    spot.fill([(0.2, 0.6), (0.34, 0.6), (0.34, 0.98), (0.2, 0.98)], mix(roof, _BLACK, 0.25))
    spot.fill([(-0.46, 0.0), (0.46, 0.0), (0.46, 0.62), (-0.46, 0.62)], wall)
    spot.fill([(-0.46, 0.5), (0.46, 0.5), (0.46, 0.56), (-0.46, 0.56)], mix(wall, _BLACK, 0.22))
    spot.fill([(-0.58, 0.54), (0.58, 0.54), (0.4, 0.94), (-0.4, 0.94)], roof)
    spot.fill([(-0.58, 0.54), (0.58, 0.54), (0.56, 0.59), (-0.56, 0.59)], mix(roof, _BLACK, 0.25))
    spot.fill(
        [(-0.08, 0.0), (0.1, 0.0), (0.1, 0.36), (-0.08, 0.36)], thing_colour((104, 66, 44), time)
    )
    pane: RGB = (255, 220, 120) if time == "night" else thing_colour((206, 230, 242), time)
    frame = thing_colour((70, 56, 58), time)
    for u in (-0.28, 0.29):
        spot.fill([(u - 0.1, 0.2), (u + 0.1, 0.2), (u + 0.1, 0.43), (u - 0.1, 0.43)], frame)
        spot.fill(
            [(u - 0.075, 0.225), (u + 0.075, 0.225), (u + 0.075, 0.405), (u - 0.075, 0.405)], pane
        )


def _tree(spot: _Spot, thing: Thing) -> None:
    time = spot.scene.time
    leaf: RGB = (232, 128, 36) if spot.scene.season == "autumn" else (62, 148, 58)
    colour = mix(thing_colour(leaf, time), land_colour(leaf, time), 0.45)
    trunk = mix(thing_colour((110, 74, 48), time), land_colour((110, 74, 48), time), 0.4)
    shade, bright = mix(colour, _BLACK, 0.2), mix(colour, (255, 240, 150), 0.2)
    turn = -1.0 if spot.scene.shape.light_x < thing.x else 1.0
    spot.shadow(0.3)
    spot.fill([(-0.06, 0.0), (0.06, 0.0), (0.04, 0.5), (-0.04, 0.5)], trunk)
    for u, v, radius in ((-0.21, 0.5, 0.19), (0.21, 0.5, 0.19), (0.0, 0.67, 0.32)):
        spot.disc(u, v, radius, shade)
    for u, v, radius in ((-0.2, 0.53, 0.15), (0.2, 0.53, 0.15), (0.02 * turn, 0.7, 0.27)):
        spot.disc(u, v, radius, colour)
    spot.disc(0.1 * turn, 0.79, 0.13, bright)


def _pine(spot: _Spot, thing: Thing) -> None:
    time = spot.scene.time
    green = (26, 98, 76)
    colour = mix(thing_colour(green, time), land_colour(green, time), 0.5)
    trunk = land_colour((104, 70, 48), time)
    turn = -1.0 if spot.scene.shape.light_x < thing.x else 1.0
    snowy = spot.scene.ground == "snowfield"
    white = thing_colour((240, 245, 252), time)
    spot.shadow(0.24)
    spot.fill([(-0.045, 0.0), (0.045, 0.0), (0.045, 0.2), (-0.045, 0.2)], trunk)
    for low, high, half in ((0.12, 0.5, 0.29), (0.36, 0.76, 0.23), (0.6, 1.0, 0.17)):
        spot.fill([(-half, low), (half, low), (0.0, high)], mix(colour, _BLACK, 0.22))
        spot.fill([(0.0, low), (turn * half, low), (0.0, high)], mix(colour, _WHITE, 0.08))
        if snowy:
            cut = low + (high - low) * 0.58
            rim = half * 0.42
            spot.fill(
                [
                    (-rim, cut),
                    (-rim * 0.4, cut + 0.03),
                    (0.0, cut - 0.03),
                    (rim * 0.4, cut + 0.03),
                    (rim, cut),
                    (0.0, high),
                ],
                white,
            )


def _boat(spot: _Spot, thing: Thing) -> None:
    time = spot.scene.time
    sail = _base(spot, thing)
    hull = thing_colour((124, 76, 46), time)
    water = LIGHTS[time].water[1]
    mirror = points([(-0.34, 0.0), (0.36, 0.0), (0.1, 0.3)])
    mirror = mirror * np.array([spot.size, spot.size]) + np.array([spot.x, spot.y])
    spot.canvas.wash(mirror, [(0.0, mix(sail, water, 0.3))], 0.4)
    spot.fill([(-0.025, 0.16), (0.025, 0.16), (0.025, 1.0), (-0.025, 1.0)], mix(hull, _BLACK, 0.3))
    spot.fill([(0.025, 0.98), (0.16, 0.78), (0.3, 0.52), (0.4, 0.23), (0.025, 0.23)], sail)
    jib = mix(sail, (200, 206, 222), 0.4) if thing.colour == "white" else mix(sail, _WHITE, 0.2)
    spot.fill([(-0.025, 0.88), (-0.16, 0.56), (-0.34, 0.25), (-0.025, 0.23)], jib)
    spot.fill([(-0.45, 0.19), (0.45, 0.19), (0.34, 0.0), (-0.32, 0.0)], hull)
    spot.fill([(-0.45, 0.19), (0.45, 0.19), (0.42, 0.135), (-0.42, 0.135)], mix(hull, _WHITE, 0.25))


def _balloon(spot: _Spot, thing: Thing) -> None:
    time = spot.scene.time
    colour = _base(spot, thing)
    stripe = (
        mix(colour, (186, 192, 210), 0.4) if thing.colour == "white" else mix(colour, _WHITE, 0.34)
    )
    up = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 17)
    half = 0.365 * np.cos(up) ** np.where(up < 0, 0.8, 1.0)
    height = np.where(up < 0, 0.65 + 0.42 * np.sin(up), 0.65 + 0.35 * np.sin(up))
    half = np.maximum(half, np.where(up < 0, 0.08, 0.0))
    rope = thing_colour((84, 66, 58), time)
    for sign in (-1.0, 1.0):
        spot.fill(
            [(sign * 0.075, 0.26), (sign * 0.09, 0.26), (sign * 0.075, 0.1), (sign * 0.055, 0.1)],
            rope,
        )
    for left, right, tone in (
        (-1.0, 1.0, colour),
        (-0.72, -0.38, stripe),
        (0.38, 0.72, stripe),
        (-0.1, 0.1, stripe),
    ):
        edge = np.stack([left * half, height], axis=1)
        other = np.stack([right * half, height], axis=1)[::-1]
        spot.fill(np.concatenate([edge, other]), tone)
    spot.fill(
        [(-0.085, 0.255), (0.085, 0.255), (0.07, 0.21), (-0.07, 0.21)], mix(colour, _BLACK, 0.35)
    )
    basket = thing_colour((140, 92, 54), time)
    spot.fill([(-0.09, 0.13), (0.09, 0.13), (0.075, 0.0), (-0.075, 0.0)], basket)
    spot.fill([(-0.1, 0.14), (0.1, 0.14), (0.1, 0.1), (-0.1, 0.1)], mix(basket, _BLACK, 0.3))


def _flowers(spot: _Spot, thing: Thing) -> None:
    time = spot.scene.time
    petal = _base(spot, thing)
    stem = mix(land_colour((58, 128, 56), time), thing_colour((58, 128, 56), time), 0.3)
    eye: RGB = (122, 74, 40) if thing.colour in ("yellow", "orange") else (252, 208, 70)
    heads = (
        (-0.2, 0.8, 0.19),
        (0.22, 0.78, 0.19),
        (-0.37, 0.44, 0.17),
        (0.37, 0.42, 0.17),
        (0.0, 0.48, 0.2),
    )
    for u, v, _ in heads:
        foot = u * 0.35
        spot.fill([(foot - 0.022, 0.0), (foot + 0.022, 0.0), (u + 0.018, v), (u - 0.018, v)], stem)
    for sign in (-1.0, 1.0):
        spot.fill([(0.0, 0.0), (sign * 0.2, 0.06), (sign * 0.34, 0.2), (sign * 0.14, 0.15)], stem)
    for u, v, radius in heads:
        for turn in range(5):
            angle = 2.0 * np.pi * (turn / 5.0) + 0.5 * np.pi
            spot.disc(
                u + 0.55 * radius * float(np.cos(angle)),
                v + 0.55 * radius * float(np.sin(angle)),
                radius * 0.46,
                petal,
            )
        spot.disc(u, v, radius * 0.34, thing_colour(eye, time))


_DRAW: dict[str, Callable[[_Spot, Thing], None]] = {
    "house": _house,
    "tree": _tree,
    "pine": _pine,
    "boat": _boat,
    "balloon": _balloon,
    "flowers": _flowers,
}
