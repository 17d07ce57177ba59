"""Draws the land: mountains, hills, dunes, snow and water."""

import numpy as np

from webui.training.world.brush import Canvas, Points, oval, points
from webui.training.world.classes import CLASS_INDEX
from webui.training.world.palette import LIGHTS, RGB, land_colour, mix, thing_colour
from webui.training.world.scene import Scene

_GROUND: dict[str, tuple[RGB, RGB]] = {
    "meadow": ((168, 208, 100), (88, 160, 68)),
    "autumn": ((222, 200, 104), (164, 150, 60)),
    "desert": ((248, 222, 160), (222, 170, 98)),
    "snowfield": ((246, 249, 254), (200, 216, 238)),
}
_LATE: dict[tuple[str, str], tuple[RGB, RGB]] = {
    ("meadow", "night"): ((62, 112, 92), (26, 62, 62)),
    ("autumn", "night"): ((126, 106, 78), (72, 60, 60)),
    ("desert", "night"): ((160, 132, 118), (104, 84, 98)),
    ("snowfield", "night"): ((142, 158, 204), (88, 104, 162)),
    ("meadow", "sunset"): ((164, 166, 84), (84, 108, 62)),
    ("autumn", "sunset"): ((206, 158, 74), (136, 104, 48)),
    ("snowfield", "sunset"): ((240, 206, 212), (190, 156, 192)),
}
_CLASS = {"meadow": "meadow", "autumn": "meadow", "desert": "desert", "snowfield": "snow"}
_ROCK: tuple[RGB, RGB] = ((158, 154, 180), (112, 110, 144))
_RED_ROCK: tuple[RGB, RGB] = ((214, 150, 112), (170, 106, 86))
_FAR, _NEAR = 0.75, 0.12


def soil(name: str, time: str) -> tuple[RGB, RGB]:
    """The light and the dark colour of a ground at a time of day."""
    chosen = _LATE.get((name, time))
    if chosen is not None:
        return chosen
    light, dark = _GROUND[name]
    return land_colour(light, time), land_colour(dark, time)


def soil_tones(scene: Scene) -> list[RGB]:
    """The colours of a scene's ground, its banks and its beach, in a few shades."""
    grass = "autumn" if scene.season == "autumn" else "meadow"
    own = {"desert": "desert", "snowfield": "snowfield", "sea": "desert"}
    light, dark = soil(own.get(scene.ground, grass), scene.time)
    bank = mix(mix(light, dark, 0.7), LIGHTS[scene.time].sky[2], 0.2)
    return [bank, *(mix(light, dark, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0))]


def rock_tones(scene: Scene) -> list[RGB]:
    """The colours of a scene's mountains and their snow, clear and in haze."""
    sky = LIGHTS[scene.time].sky[2]
    rock = _RED_ROCK if scene.ground == "desert" else _ROCK
    tones = [land_colour(colour, scene.time) for colour in (*rock, (252, 253, 255))]
    return [mix(tone, sky, share) for tone in tones for share in (0.16, 0.4)]


def plant_tones(scene: Scene) -> list[RGB]:
    """The colours of a scene's trees, stems and wood, each in a light and a dark shade."""
    leaf: RGB = (232, 128, 36) if scene.season == "autumn" else (62, 148, 58)
    plain: list[RGB] = [leaf, (26, 98, 76), (58, 128, 56), (124, 76, 46), (98, 78, 72)]
    lit = [
        mix(thing_colour(colour, scene.time), land_colour(colour, scene.time), 0.45)
        for colour in plain
    ]
    return [mix(colour, (24, 20, 40), share) for colour in lit for share in (0.0, 0.22)]


def ground_depth(scene: Scene, y: float) -> float:
    """The depth of the ground at a height of the picture."""
    share = (y - scene.shape.horizon) / (1.0 - scene.shape.horizon)
    return _FAR + (_NEAR - _FAR) * min(max(share, 0.0), 1.0)


def draw_land(canvas: Canvas, scene: Scene) -> None:
    """Paints everything below the sky that is not a thing."""
    if scene.mountains:
        _draw_mountains(canvas, scene)
    if scene.ground in ("lake", "sea"):
        _draw_water(canvas, scene)
        return
    name = "autumn" if scene.ground == "meadow" and scene.season == "autumn" else scene.ground
    horizon = scene.shape.horizon
    for layer, (share, swing) in enumerate(((0.0, 0.018), (0.26, 0.035), (0.6, 0.05))):
        base = horizon + (1.0 - horizon) * share
        _draw_hill(canvas, scene, name, layer, base, swing)


def _profile(scene: Scene, layer: int, base: float, swing: float) -> Points:
    first, second, third = scene.shape.hills[layer]
    x = np.linspace(-0.02, 1.02, 45)
    wave = np.sin(2 * np.pi * (x * (0.7 + 0.4 * third) + first))
    wave += 0.45 * np.sin(2 * np.pi * (x * 1.7 + second))
    return np.stack([x, base + swing * (wave - 0.3) / 1.3], axis=1)


def _draw_hill(
    canvas: Canvas, scene: Scene, name: str, layer: int, base: float, swing: float
) -> None:
    ridge = _profile(scene, layer, base, swing)
    if layer == 0:
        ridge[:, 1] = np.minimum(ridge[:, 1], base + 0.01)
    light, dark = soil(name, scene.time)
    top = mix(light, dark, (0.0, 0.04, 0.18)[layer])
    bottom = mix(light, dark, (0.72, 0.86, 1.1)[layer])
    outline = np.concatenate([ridge, points([(1.02, 1.02), (-0.02, 1.02)])])
    outline = outline * np.array([canvas.width, canvas.height])
    end = min(1.0, base + (0.15, 0.24, 0.36)[layer])
    canvas.wash(
        outline,
        [(base - swing, top), (end, bottom)],
        cls=CLASS_INDEX[_CLASS[name]],
        depth=[(scene.shape.horizon, _FAR), (1.0, _NEAR)],
    )


def _draw_mountains(canvas: Canvas, scene: Scene) -> None:
    shape = scene.shape
    sky = LIGHTS[scene.time].sky[2]
    rock = _RED_ROCK if scene.ground == "desert" else _ROCK
    light, dark = (mix(land_colour(colour, scene.time), sky, 0.16) for colour in rock)
    snow = (
        mix(land_colour((252, 253, 255), scene.time), (255, 255, 255), 0.12),
        mix(land_colour((204, 214, 238), scene.time), (255, 255, 255), 0.06),
    )
    scale = np.array([canvas.width, canvas.height])
    cls = CLASS_INDEX["mountain"]
    for x, height, half in shape.peaks:
        turn = -1.0 if shape.light_x < x else 1.0
        place = np.array([turn * half, -height])
        foot = np.array([x, shape.horizon + 0.03])
        bulk = points([(0.0, 1.0), (1.0, 0.0), (-1.0, 0.0)])
        shade = points(
            [(0.0, 1.0), (0.1, 0.72), (-0.06, 0.5), (0.08, 0.26), (-0.04, 0.0), (-1.0, 0.0)]
        )
        canvas.poly((bulk * place + foot) * scale, light, cls, 0.85)
        canvas.poly((shade * place + foot) * scale, dark, cls, 0.85)
        if scene.ground != "desert" and height > 0.15:
            cap = points(
                [
                    (0.0, 1.0),
                    (0.36, 0.64),
                    (0.22, 0.58),
                    (0.12, 0.66),
                    (0.0, 0.54),
                    (-0.12, 0.64),
                    (-0.24, 0.56),
                    (-0.34, 0.66),
                ]
            )
            cold = points(
                [(0.0, 1.0), (0.1, 0.72), (0.0, 0.54), (-0.12, 0.64), (-0.24, 0.56), (-0.34, 0.66)]
            )
            canvas.poly((cap * place + foot) * scale, snow[0], CLASS_INDEX["snow"], 0.85)
            canvas.poly((cold * place + foot) * scale, snow[1], CLASS_INDEX["snow"], 0.85)
    canvas.haze(shape.horizon - 0.14, shape.horizon + 0.04, sky, 0.5)


def _draw_water(canvas: Canvas, scene: Scene) -> None:
    shape = scene.shape
    far, near = LIGHTS[scene.time].water
    width, height = canvas.width, canvas.height
    box = points([(-0.02, shape.horizon), (1.02, shape.horizon), (1.02, 1.02), (-0.02, 1.02)])
    canvas.wash(
        box * np.array([width, height]),
        [(shape.horizon, far), (min(1.0, shape.shore + 0.04), near)],
        cls=CLASS_INDEX["water"],
        depth=[(shape.horizon, _FAR), (1.0, _NEAR)],
    )
    _draw_reflections(canvas, scene)
    end = min(shape.shore, 1.0)
    for x, share, size in shape.waves:
        y = shape.horizon + (end - shape.horizon) * (0.06 + 0.9 * share)
        lens = oval(
            x * width,
            y * height,
            size * (0.5 + share) * canvas.unit * 0.8,
            (0.003 + 0.006 * share) * height,
        )
        canvas.wash(lens, [(0.0, mix(far, (255, 255, 255), 0.25))], 0.34)
    if scene.ground == "lake":
        _draw_far_bank(canvas, scene)
        name = "autumn" if scene.season == "autumn" else "meadow"
        _draw_hill(canvas, scene, name, 1, shape.shore + 0.015, 0.022)
    elif shape.shore < 1.0:
        _draw_hill(canvas, scene, "desert", 0, shape.shore, 0.012)


def _draw_far_bank(canvas: Canvas, scene: Scene) -> None:
    name = "autumn" if scene.season == "autumn" else "meadow"
    light, dark = soil(name, scene.time)
    colour = mix(mix(light, dark, 0.7), LIGHTS[scene.time].sky[2], 0.2)
    ridge = _profile(scene, 0, scene.shape.horizon - 0.018, 0.016)
    ridge[:, 1] = np.minimum(ridge[:, 1], scene.shape.horizon - 0.006)
    low = scene.shape.horizon + 0.008
    outline = np.concatenate([ridge, points([(1.02, low), (-0.02, low)])])
    canvas.poly(
        outline * np.array([canvas.width, canvas.height]), colour, CLASS_INDEX["meadow"], _FAR
    )


def _draw_reflections(canvas: Canvas, scene: Scene) -> None:
    shape = scene.shape
    width, height = canvas.width, canvas.height
    scale = np.array([width, height])
    rock = mix(land_colour(_ROCK[1], scene.time), LIGHTS[scene.time].water[1], 0.4)
    for x, tall, half in shape.peaks:
        mirrored = points(
            [(x - half, shape.horizon), (x + half, shape.horizon), (x, shape.horizon + tall * 0.6)]
        )
        canvas.wash(mirrored * scale, [(0.0, rock)], 0.3)
    if scene.sky_light is None:
        return
    end = min(shape.shore, 1.0)
    glow = LIGHTS[scene.time].glow
    for step in range(6):
        share = (step + 0.5) / 6.0
        y = shape.horizon + (end - shape.horizon) * share * 0.9
        reach = shape.light_size * canvas.unit * (1.1, 0.75, 0.95, 0.6, 0.7, 0.4)[step]
        lens = oval(shape.light_x * width, y * height, reach, (0.008 + 0.008 * share) * height)
        canvas.wash(lens, [(0.0, glow)], 0.75 - 0.07 * step)
