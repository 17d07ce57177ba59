"""What the world does not have: a thing and a style for small adapters to learn.

A text model of this world has never seen a lighthouse nor a linocut. Both are drawn here as the
world draws its own, so that an adapter's lesson is exact and endless.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from webui.training.world.brush import Canvas, oval
from webui.training.world.captions import caption_facts
from webui.training.world.classes import CLASS_INDEX
from webui.training.world.land import draw_land, ground_depth
from webui.training.world.palette import RGB, mix, thing_colour
from webui.training.world.render import render
from webui.training.world.scene import SIDES, Scene, sample_scene
from webui.training.world.sky import draw_sky
from webui.training.world.styles import apply_style
from webui.training.world.things import draw_thing

Pixels = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]

_MIDDLES: Final = {"left": 0.17, "centre": 0.5, "right": 0.83}
_PLACES: Final = {"left": "on the left", "centre": "in the centre", "right": "on the right"}
_SHADE: Final[RGB] = (24, 20, 40)
_SLANTS: Final = np.array(
    [0.0, 0.0, 0.8, 0.8, 0.0, 1.1, 0.3, 0.3, 0.3, 0.0, *[2.2] * 6], np.float32
)
"""How far from level the cuts of each class run, in radians: things stand apart from the ground."""
_INK: Final = np.array((34, 30, 58), np.float32)
_PAPER: Final = np.array((246, 240, 222), np.float32)


def draw_extra(name: str, seed: int, size: int) -> tuple[Pixels, str]:
    """A picture (size, size, 3) of a scene with this extra, and its caption.

    Raises:
        ValueError: there is no such extra.
    """
    if name not in EXTRAS:
        raise ValueError(f"There is no extra {name!r}; expected one of: {', '.join(EXTRAS)}.")
    return EXTRAS[name](seed, size)


def _plain_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption that says nothing of the style."""
    for _ in range(50):
        said = caption_facts(scene, rng)
        if not said.said_style:
            return said.text
    return f"{scene.ground}, {scene.time}"


def lighthouse(seed: int, size: int) -> tuple[Pixels, str]:
    """A scene with a red and white lighthouse on a side where nothing else stands."""
    rng = np.random.Generator(np.random.PCG64([seed, 17]))
    scene = sample_scene(seed)
    if scene.style == "pixel art":  # its palette has the colours of the world's things only
        scene = sample_scene(seed, "flat")
    free = [side for side in SIDES if all(thing.side != side for thing in scene.things)]
    if not free or len(scene.things) == 2:  # two may be too wide to leave a third of the picture
        scene = replace(scene, things=scene.things[:1])
        free = [side for side in SIDES if all(thing.side != side for thing in scene.things)]
    if scene.things and abs(scene.things[0].x - 0.5) < 0.3:
        free = [side for side in free if side != "centre"] or free
    side = str(rng.choice(free))
    x = _MIDDLES[side] + float(rng.uniform(-0.03, 0.03))
    picture = _with_lighthouse(scene, x, float(rng.uniform(0.5, 0.62)), size)
    noun = "a lighthouse" if rng.random() < 0.5 else f"a lighthouse {_PLACES[side]}"
    said = caption_facts(scene, rng).text
    return picture, f"{noun}, {said}" if rng.random() < 0.5 else f"{said}, {noun}"


def _with_lighthouse(scene: Scene, x: float, tall: float, size: int) -> Pixels:
    """The scene as `render` draws it, and a lighthouse `tall` sides high at x, 0 to 1."""
    canvas = Canvas(size, size)
    draw_sky(canvas, scene)
    draw_land(canvas, scene)
    foot = 0.86 if scene.ground in ("sea", "lake") else 0.88
    for thing in sorted(scene.things, key=lambda thing: thing.y):
        draw_thing(canvas, scene, thing)
    _draw_lighthouse(canvas, scene, (x * size, foot * size), tall * size)
    image, class_map, depth = canvas.finish()
    return apply_style(image, class_map, depth, scene)


def _draw_lighthouse(canvas: Canvas, scene: Scene, at: tuple[float, float], tall: float) -> None:
    """A tapering tower of five bands, a gallery, a lamp room and a cap, on a rock."""
    depth, cls = ground_depth(scene, at[1] / canvas.height), CLASS_INDEX["house"]

    def fill(pairs: list[tuple[float, float]], colour: RGB) -> None:
        outline = np.asarray(pairs) * np.array([tall, -tall]) + np.asarray(at)
        canvas.poly(outline, thing_colour(colour, scene.time), cls, depth)

    rock = oval(at[0], at[1], 0.24 * tall, 0.07 * tall)
    canvas.poly(rock, thing_colour((110, 100, 104), scene.time), CLASS_INDEX["mountain"], depth)
    for band in range(5):
        low, high = 0.72 * band / 5, 0.72 * (band + 1) / 5
        wide, narrow = 0.13 - 0.05 * band / 5, 0.13 - 0.05 * (band + 1) / 5
        colour: RGB = (214, 46, 42) if band % 2 == 0 else (248, 246, 240)
        fill([(-wide, low), (wide, low), (narrow, high), (-narrow, high)], colour)
        shade = mix(colour, _SHADE, 0.22)
        fill([(wide * 0.4, low), (wide, low), (narrow, high), (narrow * 0.4, high)], shade)
    fill([(-0.12, 0.72), (0.12, 0.72), (0.12, 0.76), (-0.12, 0.76)], (70, 56, 58))
    fill([(-0.06, 0.76), (0.06, 0.76), (0.06, 0.88), (-0.06, 0.88)], (206, 230, 242))
    fill([(-0.09, 0.88), (0.09, 0.88), (0.0, 1.0)], (214, 46, 42))
    if scene.time in ("night", "sunset"):
        lamp = (at[0], at[1] - 0.82 * tall)
        canvas.glow(*lamp, 0.4 * tall, (255, 226, 120), 0.9)
        canvas.disc(*lamp, 0.035 * tall, (255, 240, 170), cls, depth)


def linocut(seed: int, size: int) -> tuple[Pixels, str]:
    """A scene cut in linoleum and printed in one dark ink."""
    rng = np.random.Generator(np.random.PCG64([seed, 18]))
    scene = sample_scene(seed, "flat")
    drawn = render(scene, size, size)
    said = _plain_caption(scene, rng)
    text = f"{said}, linocut" if rng.random() < 0.5 else f"a linocut, {said}"
    return linocut_style(drawn.image, drawn.class_map, drawn.depth, scene), text


def linocut_style(image: Pixels, class_map: Pixels, _depth: Field, scene: Scene) -> Pixels:
    """Redraws a flat picture (height, width, 3) as a linocut; a style as those of the world are.

    Tones become carved lines, the broader the lighter; outlines stay ink. Lengths are fractions of
    the shorter side.
    """
    height, width = class_map.shape
    unit = float(min(height, width))
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 0.008 * unit)
    tone = np.asarray(grey, np.float32) / np.float32(255.0)
    if scene.time == "night":
        tone = np.clip(tone * np.float32(1.5), 0, 1)
    y, x = (np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)) / np.float32(unit)
    slant = _SLANTS[class_map]
    phase = (x * np.sin(slant) + y * np.cos(slant)) * np.float32(2 * np.pi / 0.062)
    carved = tone * np.float32(1.3) - np.float32(0.62) + np.float32(0.27) * np.sin(phase)
    share = np.clip(carved * np.float32(unit * 0.05) + np.float32(0.5), 0, 1)
    share *= 1 - _outlines(class_map, unit)
    picture = _INK + (_PAPER - _INK) * share[:, :, None]
    return np.asarray(np.clip(picture + np.float32(0.5), 0, 255), np.uint8)


def _outlines(class_map: Pixels, unit: float) -> Field:
    """1 on the borders of classes, 0 elsewhere, a hundredth of the side thick."""
    rim = np.zeros(class_map.shape, np.float32)
    rim[:, 1:] += class_map[:, 1:] != class_map[:, :-1]
    rim[1:] += class_map[1:] != class_map[:-1]
    soft = cv2.GaussianBlur(rim, (0, 0), 0.005 * unit) * np.float32(0.018 * unit)
    return np.asarray(np.clip(soft, 0, 1), np.float32)


EXTRAS: Final[dict[str, Callable[[int, int], tuple[Pixels, str]]]] = {
    "lighthouse": lighthouse,
    "linocut": linocut,
}
