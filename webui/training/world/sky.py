"""Draws the sky: its gradient, the sun or the moon, stars and clouds."""

import numpy as np

from webui.training.world.brush import Canvas, Points, gradient, oval, points
from webui.training.world.classes import CLASS_INDEX
from webui.training.world.palette import LIGHTS, RGB, mix
from webui.training.world.scene import Scene

SUN: dict[str, RGB] = {
    "day": (255, 222, 92),
    "dawn": (255, 232, 150),
    "sunset": (255, 122, 52),
    "night": (255, 255, 255),
}
MOON: RGB = (244, 240, 214)
BoundOf = tuple[str, tuple[float, float, float, float]]


def draw_sky(canvas: Canvas, scene: Scene) -> list[BoundOf]:
    """Paints the whole sky and returns the bounds of its sun, moon and clouds."""
    light = LIGHTS[scene.time]
    horizon = scene.shape.horizon
    stops = [(0.0, light.sky[0]), (horizon * 0.55, light.sky[1]), (horizon, light.sky[2])]
    column = np.clip(gradient(stops, canvas.rows()) + 0.5, 0, 255).astype(np.uint8)
    canvas.rgb[:] = column[:, None, :]
    found: list[BoundOf] = []
    _draw_stars(canvas, scene)
    if scene.sky_light is not None:
        canvas.start_bounds()
        if scene.sky_light == "sun":
            _draw_sun(canvas, scene)
        else:
            _draw_moon(canvas, scene)
        found.append((scene.sky_light, canvas.bounds()))
    for x, y, width in scene.shape.clouds:
        canvas.start_bounds()
        _draw_cloud(canvas, x, y, width, light.cloud)
        found.append(("cloud", canvas.bounds()))
    return found


def _centre(canvas: Canvas, scene: Scene) -> tuple[float, float, float]:
    shape = scene.shape
    return (
        shape.light_x * canvas.width,
        shape.light_y * canvas.height,
        shape.light_size * canvas.unit,
    )


def _draw_sun(canvas: Canvas, scene: Scene) -> None:
    x, y, radius = _centre(canvas, scene)
    canvas.glow(x, y, radius * 4.6, LIGHTS[scene.time].glow, 0.85)
    canvas.disc(x, y, radius, SUN[scene.time], CLASS_INDEX["sun"])
    canvas.disc(x, y, radius * 0.8, mix(SUN[scene.time], (255, 250, 220), 0.3))


def _draw_moon(canvas: Canvas, scene: Scene) -> None:
    x, y, radius = _centre(canvas, scene)
    canvas.glow(x, y, radius * 4.2, LIGHTS[scene.time].glow, 0.6)
    cls = CLASS_INDEX["moon"]
    if scene.shape.crescent:
        canvas.poly(_crescent(x, y, radius * 1.1), MOON, cls)
        return
    canvas.disc(x, y, radius, MOON, cls)
    grey = mix(MOON, (176, 178, 190), 0.5)
    for dx, dy, size in ((-0.32, -0.2, 0.24), (0.3, 0.32, 0.2), (0.28, -0.38, 0.13)):
        canvas.disc(x + dx * radius, y + dy * radius, size * radius, grey)


def _crescent(x: float, y: float, radius: float) -> Points:
    angle = np.linspace(0.42 * np.pi, 1.72 * np.pi, 25)
    outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    start, end = outer[-1], outer[0]
    share = np.linspace(0.0, 1.0, 15)[1:-1, None]
    chord = start + (end - start) * share
    normal = np.array([-(end - start)[1], (end - start)[0]])
    inner = chord + normal * 0.30 * 4.0 * share * (1.0 - share)
    outline: Points = np.concatenate([outer, inner]) * radius + np.array([x, y])
    return outline


def _draw_stars(canvas: Canvas, scene: Scene) -> None:
    shape = scene.shape
    cls = CLASS_INDEX["star"]
    for sx, sy, size in shape.stars:
        near = abs(sx - shape.light_x) < 0.13 and abs(sy - shape.light_y) < 0.13
        if scene.sky_light is not None and near:
            continue
        x, y, radius = sx * canvas.width, sy * canvas.height, size * canvas.unit
        if size < 0.01:
            canvas.poly(oval(x, y, radius, radius, 10), (226, 230, 246), cls)
            continue
        angle = np.arange(8) * (np.pi / 4)
        reach = np.where(np.arange(8) % 2 == 0, radius * 1.25, radius * 0.5)
        spark = np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1)
        canvas.poly(spark, (252, 246, 214), cls)


def _draw_cloud(canvas: Canvas, cx: float, cy: float, width: float, tone: tuple[RGB, RGB]) -> None:
    x, y, unit = cx * canvas.width, cy * canvas.height, width * canvas.unit
    cls = CLASS_INDEX["cloud"]
    puffs = ((-0.3, 0.02, 0.13), (-0.08, -0.07, 0.19), (0.17, -0.02, 0.15), (0.36, 0.05, 0.09))
    base = points([(-0.42, 0.04), (0.44, 0.04), (0.42, 0.15), (-0.4, 0.15)])
    ends = ((-0.41, 0.095, 0.056), (0.43, 0.095, 0.056))
    for colour, drop in ((tone[1], 0.0), (tone[0], -0.035)):
        canvas.poly(base * unit + np.array([x, y + drop * unit]), colour, cls, 0.95)
        for dx, dy, radius in (*puffs, *ends):
            canvas.disc(x + dx * unit, y + (dy + drop) * unit, radius * unit, colour, cls, 0.95)
