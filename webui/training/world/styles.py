"""The styles a scene can be drawn in: each turns the flat picture into another hand's.

A style repaints colours only; the class map, the depth and the boxes stay as they are. Every
length is a fraction of the picture's shorter side, so that all sizes of a scene look alike, and
every texture is broad and gentle.
"""

import itertools
import math
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from webui.training.world.classes import CLASS_INDEX, CLASSES
from webui.training.world.land import plant_tones, rock_tones, soil_tones
from webui.training.world.palette import COLOURS, LIGHTS, RGB, mix, thing_colour
from webui.training.world.scene import Scene
from webui.training.world.sky import MOON, SUN

Pixels = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]

_THINGS: Final = ("tree", "pine", "house", "boat", "balloon", "flower")
_SKY: Final = ("sky", "cloud", "sun", "moon", "star")


def apply_style(image: Pixels, class_map: Pixels, depth: Field, scene: Scene) -> Pixels:
    """Redraws a flat picture (height, width, 3) in the scene's style."""
    draw = _DRAW.get(scene.style)
    return image if draw is None else draw(image, class_map, depth, scene)


def _by_class(default: float, **values: float) -> Field:
    """A table of one number a class, to be indexed with a class map."""
    table = np.full(len(CLASSES), default, np.float32)
    for name, value in values.items():
        table[CLASS_INDEX[name]] = value
    return table


def _unit(class_map: Pixels) -> float:
    return float(min(class_map.shape))


def _blur(field: Field, sigma: float) -> Field:
    """A Gaussian blur; sigma in pixels."""
    reach = 2 * max(1, math.ceil(sigma * 2.5)) + 1
    soft = cv2.GaussianBlur(field, (reach, reach), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, np.float32)


def _noise(scene: Scene, class_map: Pixels, cells: int, salt: int) -> Field:
    """Smooth noise of about -1 to 1, with `cells` bumps along the shorter side."""
    height, width = class_map.shape
    unit = min(width, height)
    rows, columns = round(cells * height / unit), round(cells * width / unit)
    rng = np.random.Generator(np.random.PCG64([scene.seed, 5, salt]))
    grid = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _borders(image: Field, sigma: float) -> Field:
    """How strong a border of colours is at each pixel, about 0 to 1; sigma in pixels."""
    soft = _blur(image, sigma)
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=1)
    squares = np.asarray(across * across + down * down, np.float32)
    power = cv2.transform(squares, np.ones((1, 3), np.float32))
    return np.asarray(np.sqrt(power) * np.float32(sigma / (2.0 * 0.4 * 255.0)), np.float32)


def _near_rims(class_map: Pixels, depth: Field) -> Field:
    """1 on the pixels of a class that end against something farther away, else 0."""
    rank = depth * np.float32(32.0) - class_map.astype(np.float32) * np.float32(0.01)
    rim = np.zeros(class_map.shape, np.bool_)
    beside = rank[:, 1:] - rank[:, :-1]
    other = class_map[:, 1:] != class_map[:, :-1]
    rim[:, :-1] |= other & (beside > 0)
    rim[:, 1:] |= other & (beside < 0)
    below = rank[1:] - rank[:-1]
    other = class_map[1:] != class_map[:-1]
    rim[:-1] |= other & (below > 0)
    rim[1:] |= other & (below < 0)
    return rim.astype(np.float32)


def _saturate(image: Field, amount: float) -> Field:
    grey = ((image[:, :, 0] + image[:, :, 1] + image[:, :, 2]) / np.float32(3.0))[:, :, None]
    return np.asarray(grey + (image - grey) * np.float32(amount), np.float32)


def _finish(image: Field) -> Pixels:
    return np.clip(image + np.float32(0.5), 0, 255).astype(np.uint8)


_PAPER: Final = np.array((252, 250, 244), np.float32)
_WASH: Final = _by_class(0.98, sky=0.8, cloud=0.6, mountain=0.8, meadow=0.82, snow=0.8, water=0.82)
_BLOOM: Final = _by_class(
    0.16, sky=0.34, cloud=0.5, mountain=0.3, meadow=0.3, desert=0.3, water=0.3
)


def _watercolour(image: Pixels, class_map: Pixels, depth: Field, scene: Scene) -> Pixels:
    """Washes of pigment on white paper: soft, uneven, pooled dark along their borders."""
    unit = _unit(class_map)
    colour = _saturate(image.astype(np.float32), 1.12)
    pigment = -np.log(np.clip(colour / _PAPER, 0.03, 1.0))
    bloom = 0.7 * _noise(scene, class_map, 4, 1) + 0.4 * _noise(scene, class_map, 11, 2)
    amount = _WASH[class_map] * (1.0 + _BLOOM[class_map] * bloom)
    pigment = _blur(pigment * amount[:, :, None], 0.008 * unit)
    pigment += 0.55 * (pigment - _blur(pigment, 0.022 * unit))
    rim = _blur(_near_rims(class_map, depth), 0.011 * unit) * np.float32(0.0276 * unit)
    pigment *= (1.0 + 0.45 * rim)[:, :, None]
    pigment *= _margin(scene, class_map)[:, :, None]
    return _finish(_PAPER * np.exp(-np.maximum(pigment, 0.0)))


def _margin(scene: Scene, class_map: Pixels) -> Field:
    """0 on the bare paper round a painting, 1 inside, with an uneven brushed border."""
    height, width = class_map.shape
    unit = _unit(class_map)
    across = (np.arange(width, dtype=np.float32) + 0.5) / unit
    down = (np.arange(height, dtype=np.float32) + 0.5) / unit
    inset = np.minimum(
        np.minimum(across, across[::-1])[None, :], np.minimum(down, down[::-1])[:, None]
    )
    inset = inset + 0.013 * _noise(scene, class_map, 7, 3)
    share = np.clip((inset - 0.012) / 0.024, 0.0, 1.0)
    return np.asarray(share * (1.0 + 0.35 * np.clip(2.2 - 2.0 * share, 0.0, 1.0)), np.float32)


_CREAM: Final = np.array((250, 244, 228), np.float32)
_GRAPHITE: Final = np.array((58, 50, 62), np.float32)
_HAND: Final = np.array(
    [0 if c.name in _SKY else 2 if c.name in _THINGS else 1 for c in CLASSES], np.uint8
)
_TINT: Final = _by_class(0.64, sky=0.5, mountain=0.5, meadow=0.5, desert=0.5, water=0.5)
_PRESS: Final = _by_class(0.8, sky=1.0, mountain=1.0, meadow=1.0, desert=1.0, water=1.0)
_OUTLINE: Final = _by_class(1.0, star=0.0)
_STROKES: Final = ((1.0, -1.0, 0.058), (1.0, 0.75, 0.062), (1.0, -0.55, 0.054))


def _pencil(image: Pixels, class_map: Pixels, depth: Field, scene: Scene) -> Pixels:
    """Coloured pencils on cream paper: dark outlines, and hatching where it is dark."""
    unit = _unit(class_map)
    flat = image.astype(np.float32)
    first, second, third = flat[:, :, 0], flat[:, :, 1], flat[:, :, 2]
    peak = np.maximum(np.maximum(first, second), third) / np.float32(255.0)
    vivid = peak - np.minimum(np.minimum(first, second), third) / np.float32(255.0)
    dark = 1.0 - peak
    tint = np.clip(_saturate(flat, 1.25) * np.float32(1.05), 0, 255)
    cover = _TINT[class_map] + 0.4 * dark + 0.28 * vivid
    press = (0.09 + 0.05 * vivid - 0.035 * dark) * _PRESS[class_map]
    cover += press * _hatching(scene, class_map)
    cover = np.clip(cover, 0.0, 0.96)[:, :, None]
    picture = _CREAM + (tint - _CREAM) * cover
    lines = np.clip(1.4 * _borders(flat, 0.0068 * unit) - 0.16, 0.0, 0.3)
    rim = _blur(_near_rims(class_map, depth), 0.0058 * unit) * np.float32(0.0125 * unit)
    lines = np.minimum(np.maximum(lines, rim), 1.0)
    lines *= (0.72 + 0.18 * _noise(scene, class_map, 10, 6)) * _OUTLINE[class_map]
    picture += (_GRAPHITE - picture) * lines[:, :, None]
    return _finish(picture)


def _hatching(scene: Scene, class_map: Pixels) -> Field:
    """Slanted strokes, -1 to 1: one slant for the sky, one for the land, one for things."""
    height, width = class_map.shape
    unit = _unit(class_map)
    across = (np.arange(width, dtype=np.float32) + 0.5) / unit
    down = (np.arange(height, dtype=np.float32) + 0.5) / unit
    sway = _noise(scene, class_map, 5, 4) * np.float32(1.6)
    hand = _HAND[class_map]
    phase = np.zeros(class_map.shape, np.float32)
    for index, (dx, dy, wave) in enumerate(_STROKES):
        pace = np.float32(2.0 * np.pi / wave / math.hypot(dx, dy))
        slant = (across * dx * pace)[None, :] + (down * dy * pace)[:, None]
        np.copyto(phase, slant, where=hand == index)
    return np.asarray(np.sin(phase + sway), np.float32)


_CELLS: Final = 32
_PANES: Final[tuple[RGB, ...]] = ((206, 230, 242), (252, 208, 70), (240, 245, 252))


def _pixel_art(image: Pixels, class_map: Pixels, _depth: Field, scene: Scene) -> Pixels:
    """Thirty-two large square pixels along the shorter side, in a small palette."""
    height, width = class_map.shape
    unit = min(width, height)
    rows, columns = round(_CELLS * height / unit), round(_CELLS * width / unit)
    fine = cv2.resize(image, (columns * 4, rows * 4), interpolation=cv2.INTER_AREA)
    near = fine.astype(np.float32)
    middle = near[1::4, 1::4] + near[1::4, 2::4] + near[2::4, 1::4] + near[2::4, 2::4]
    cells = _saturate(np.asarray(middle / 4.0, np.float32), 1.15).reshape(-1, 3)
    classes = cv2.resize(class_map, (columns * 2, rows * 2), interpolation=cv2.INTER_NEAREST)
    palette, ill = _palette(scene)
    cost = ill[classes[1::2, 1::2].reshape(-1)]
    for channel in range(3):
        cost += (cells[:, channel, None] - palette[None, :, channel]) ** 2
    chosen = palette[cost.argmin(axis=1)].reshape(rows, columns, 3)
    large = cv2.resize(_finish(chosen), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.uint8)


def _palette(scene: Scene) -> tuple[Field, Field]:
    """The colours of a scene's pixel art, and how ill each suits each class (classes, colours)."""
    light = LIGHTS[scene.time]
    words = dict.fromkeys(thing.colour for thing in scene.things if thing.colour)
    things = plant_tones(scene) + [thing_colour(pane, scene.time) for pane in _PANES]
    things += [light.cloud[0], (255, 220, 120)] if scene.time == "night" else []
    for lit in (thing_colour(COLOURS[word], scene.time) for word in words):
        things += [lit, mix(lit, (24, 20, 40), 0.22), mix(lit, (255, 255, 255), 0.27)]
    rows: tuple[tuple[tuple[str, ...], list[RGB]], ...] = (
        (("sky",), [*_ramp(*light.sky, steps=4), mix(light.glow, light.sky[1], 0.35)]),
        (("cloud",), list(light.cloud)),
        (("sun", "moon", "star"), [SUN[scene.time], MOON, mix(MOON, (176, 178, 190), 0.5)]),
        (("mountain", "snow"), rock_tones(scene)),
        (("water",), [*_ramp(*light.water, steps=4), light.glow, mix(*light.water, 0.12)]),
        (("meadow", "desert", "snow"), soil_tones(scene)),
        (_THINGS, things),
    )
    suits = [cost for names, tones in rows for cost in [_class_cost(names)] * len(tones)]
    return np.array([tone for _, tones in rows for tone in tones], np.float32), np.stack(suits, 1)


def _ramp(*stops: RGB, steps: int) -> list[RGB]:
    """Colours from stop to stop, in equal steps."""
    shares = [step / steps for step in range(steps)]
    pairs = itertools.pairwise(stops)
    return [mix(first, second, share) for first, second in pairs for share in shares] + [stops[-1]]


def _class_cost(names: tuple[str, ...]) -> Field:
    return _by_class(4000.0, **dict.fromkeys(names, 0.0))


_NEON_LINES: Final[dict[str, RGB]] = {
    "cloud": (96, 120, 230),
    "mountain": (186, 84, 255),
    "meadow": (44, 226, 120),
    "desert": (255, 150, 50),
    "snow": (150, 216, 255),
    "water": (30, 190, 255),
    "tree": (120, 236, 70),
    "pine": (40, 216, 150),
    "moon": (255, 244, 190),
    "star": (255, 246, 214),
}
_NEON_WORDS: Final[dict[str, RGB]] = {
    "red": (255, 36, 34),
    "orange": (255, 84, 4),
    "yellow": (255, 218, 40),
    "green": (30, 255, 100),
    "blue": (34, 84, 255),
    "purple": (158, 50, 255),
    "pink": (255, 112, 182),
    "white": (255, 251, 242),
}
_NEON_TABLE: Final = np.array(
    [_NEON_LINES.get(entry.name, (255, 255, 255)) for entry in CLASSES], np.float32
)
_NEON_FILL: Final = _by_class(
    0.5,
    sky=0.42,
    cloud=0.4,
    moon=0.95,
    star=1.0,
    mountain=0.3,
    meadow=0.34,
    desert=0.3,
    snow=0.32,
    water=0.4,
)
_NEON_TUBE: Final = _by_class(1.0, cloud=0.55, mountain=0.75, star=0.12, moon=0.3)
_NEON_INNER: Final = _by_class(
    2.6, sky=0.0, star=0.0, moon=0.0, meadow=8.0, desert=8.0, snow=7.0, flower=1.2
)
_DEEP: Final = np.array((10, 8, 34), np.float32)


def _neon(image: Pixels, class_map: Pixels, depth: Field, scene: Scene) -> Pixels:
    """A near-black night in which contours glow like tubes, each in its own colour."""
    unit = _unit(class_map)
    flat = image.astype(np.float32)
    lamp = _lamps(class_map, scene)
    inner = np.clip(_borders(flat, 0.009 * unit) * _NEON_INNER[class_map] - 0.2, 0.0, 0.4)
    rim = _near_rims(class_map, depth) * np.float32(0.022 * unit)
    core = _blur(rim * _NEON_TUBE[class_map], 0.0085 * unit)
    source = lamp * np.maximum(rim * _NEON_TUBE[class_map], inner)[:, :, None]
    tube = _blur(source, 0.0085 * unit)
    halo = _blur(source, 0.035 * unit)
    fill = _DEEP * 0.6 + flat * _NEON_FILL[class_map][:, :, None]
    dark = np.clip(1.0 - fill / 255.0, 0.0, 1.0)
    dark *= np.clip(1.0 - tube / 255.0, 0.0, 1.0)
    dark *= np.clip(1.0 - halo * 0.9 / 255.0, 0.0, 1.0)
    dark *= np.clip(1.0 - 0.06 * core, 0.0, 1.0)[:, :, None]
    return _finish(np.asarray(255.0 * (1.0 - dark), np.float32))


def _lamps(class_map: Pixels, scene: Scene) -> Field:
    """The colour that each pixel's contour would glow in."""
    unit = _unit(class_map)
    width = class_map.shape[1]
    table = _NEON_TABLE.copy()
    if scene.season == "autumn":
        table[CLASS_INDEX["tree"]] = (255, 116, 20)
    lamp = np.asarray(table[class_map], np.float32)
    for thing in scene.things:
        if thing.colour is None:
            continue
        half = (thing.width / 2.0 + 0.02) * unit
        left, right = int(max(0.0, thing.x * width - half)), math.ceil(thing.x * width + half)
        own = class_map[:, left:right] == CLASS_INDEX[thing.kind.replace("flowers", "flower")]
        lamp[:, left:right][own] = _NEON_WORDS[thing.colour]
    return lamp


_DRAW: Final[dict[str, Callable[[Pixels, Pixels, Field, Scene], Pixels]]] = {
    "watercolour": _watercolour,
    "pencil": _pencil,
    "pixel art": _pixel_art,
    "neon": _neon,
}
