"""What a scene is, and how one is sampled from a seed."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from webui.training.world.palette import COLOUR_WORDS

TIMES: Final = ("day", "sunset", "night", "dawn")
GROUNDS: Final = ("meadow", "desert", "snowfield", "lake", "sea")
KINDS: Final = ("house", "tree", "pine", "boat", "balloon", "flowers")
SIDES: Final = ("left", "centre", "right")
STYLES: Final = ("flat", "watercolour", "pencil", "pixel art", "neon")

HALF_WIDTH: Final = {
    "house": 0.58,
    "tree": 0.41,
    "pine": 0.29,
    "boat": 0.45,
    "balloon": 0.37,
    "flowers": 0.55,
}
SPACING: Final = 0.92
_SIZES: Final = {
    "house": (0.27, 0.34),
    "tree": (0.3, 0.4),
    "pine": (0.3, 0.4),
    "boat": (0.26, 0.34),
    "balloon": (0.28, 0.34),
    "flowers": (0.22, 0.28),
}
_STYLE_WEIGHTS: Final = (0.4, 0.2, 0.2, 0.2, 0.0)
_NIGHT_STYLE_WEIGHTS: Final = (0.35, 0.14, 0.14, 0.14, 0.23)
_COUNT_SCALE: Final = (1.0, 0.86, 0.76)
_MAY_STAND: Final = {
    "meadow": ("house", "tree", "pine", "balloon", "flowers", "flowers"),
    "desert": ("house", "house", "tree", "balloon", "balloon"),
    "snowfield": ("house", "pine", "tree", "balloon"),
    "lake": ("house", "tree", "pine", "boat", "boat", "balloon"),
    "sea": ("boat", "boat", "balloon"),
}


@dataclass(frozen=True)
class Thing:
    """A thing, or a close group of two or three alike.

    `x` is the group's centre in widths; `y` its foot in heights; `size` the
    height of one in units of the picture's shorter side.
    """

    kind: str
    colour: str | None
    side: str
    count: int
    x: float
    y: float
    size: float

    @property
    def width(self) -> float:
        """The group's width in units of the picture's shorter side."""
        return group_width(self.kind, self.count, self.size)


@dataclass(frozen=True)
class Shape:
    """The free parameters of a scene's drawing, in fractions of the picture.

    Attributes:
        horizon: The height at which the ground begins.
        shore: The height of a lake's near shore or a sea's beach; above 1 when there is none.
        light_x: Centre of the sun or the moon; also the side light comes from.
        light_y: Centre of the sun or the moon.
        light_size: Radius of the sun or the moon, in shorter sides.
        crescent: Whether the moon is a crescent.
        peaks: Mountains as (x, height, half width), the farthest first.
        hills: Phases of the hills, one triple a layer.
        clouds: Clouds as (x, y, width).
        stars: Stars as (x, y, radius).
        waves: Gleams on the water as (x, depth in the water, width).
    """

    horizon: float
    shore: float
    light_x: float
    light_y: float
    light_size: float
    crescent: bool
    peaks: tuple[tuple[float, float, float], ...]
    hills: tuple[tuple[float, float, float], ...]
    clouds: tuple[tuple[float, float, float], ...]
    stars: tuple[tuple[float, float, float], ...]
    waves: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Scene:
    """A scene: the facts that words can say, and the shape of its drawing."""

    seed: int
    time: str
    ground: str
    season: str
    mountains: bool
    sky_light: str | None
    clouds: int
    stars: bool
    things: tuple[Thing, ...]
    shape: Shape
    style: str

    @property
    def season_shows(self) -> bool:
        """Whether the season can be seen: in grass or in round trees."""
        return self.ground in ("meadow", "lake") or any(t.kind == "tree" for t in self.things)


def may_stand(kind: str, ground: str) -> bool:
    """Whether a kind of thing is ever found on a ground."""
    return kind in _MAY_STAND[ground]


def group_width(kind: str, count: int, size: float) -> float:
    """The width of a group in units of the picture's shorter side."""
    return 2.0 * HALF_WIDTH[kind] * size * (1.0 + (count - 1) * SPACING)


def sample_scene(seed: int, style: str | None = None) -> Scene:
    """Samples a scene; the same seed gives the same scene.

    The style has a generator of its own, so that forcing one leaves every other fact as it is;
    only neon, which exists at night alone, turns another time of day into night.

    Raises:
        ValueError: If there is no such style.
    """
    if style is not None and style not in STYLES:
        raise ValueError(f"no such style: {style!r}")
    rng = np.random.Generator(np.random.PCG64(seed))
    time = TIMES[int(rng.integers(len(TIMES)))]
    if style == "neon":
        time = "night"
    return _sample(seed, rng, time, style or _style(seed, time))


def _style(seed: int, time: str) -> str:
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 5])))
    weights = _NIGHT_STYLE_WEIGHTS if time == "night" else _STYLE_WEIGHTS
    return STYLES[int(rng.choice(len(STYLES), p=weights))]


def _sample(seed: int, rng: np.random.Generator, time: str, style: str) -> Scene:
    ground = GROUNDS[int(rng.integers(len(GROUNDS)))]
    season = "autumn" if rng.random() < 0.35 else "summer"
    mountains = bool(rng.random() < (0.25 if ground == "sea" else 0.5))
    horizon = _between(rng, 0.46, 0.51) if ground == "lake" else _between(rng, 0.5, 0.6)
    shore = _shore(rng, ground)
    things = _things(rng, ground, shore)
    sky_light: str | None = "moon" if time == "night" else "sun"
    if rng.random() < 0.2:
        sky_light = None
    stars = bool(time == "night" and rng.random() < 0.85)
    light = _place_light(rng, time, horizon, mountains, things)
    clouds = _clouds(rng, horizon, light if sky_light else None, things)
    shape = Shape(
        horizon=horizon,
        shore=shore,
        light_x=light[0],
        light_y=light[1],
        light_size=light[2],
        crescent=bool(rng.random() < 0.4),
        peaks=_peaks(rng) if mountains else (),
        hills=tuple(_three(rng, 0.0, 1.0) for _ in range(3)),
        clouds=clouds,
        stars=_stars(rng, horizon) if stars else (),
        waves=_waves(rng),
    )
    return Scene(
        seed, time, ground, season, mountains, sky_light, len(clouds), stars, things, shape, style
    )


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _three(rng: np.random.Generator, low: float, high: float) -> tuple[float, float, float]:
    return _between(rng, low, high), _between(rng, low, high), _between(rng, low, high)


def _shore(rng: np.random.Generator, ground: str) -> float:
    if ground == "lake":
        return _between(rng, 0.77, 0.81)
    if ground == "sea" and rng.random() < 0.35:
        return _between(rng, 0.9, 0.93)
    return 1.5


def _things(rng: np.random.Generator, ground: str, shore: float) -> tuple[Thing, ...]:
    number = int(rng.choice(4, p=[0.08, 0.4, 0.37, 0.15]))
    sides = sorted(int(side) for side in rng.permutation(3)[:number])
    adjacent = number == 3 or (number == 2 and sides[1] - sides[0] == 1)
    room = (0.54, 0.54, 0.31 if adjacent else 0.42, 0.29)[number]
    middles = [0.17, 0.5, 0.83] if number == 3 else [0.21, 0.5, 0.79]
    if number == 2 and adjacent:
        middles = [0.19, 0.53, 0.81] if sides[0] == 0 else [0.19, 0.47, 0.81]
    return tuple(_thing(rng, ground, shore, side, number, (middles[side], room)) for side in sides)


def _thing(
    rng: np.random.Generator,
    ground: str,
    shore: float,
    side: int,
    number: int,
    place: tuple[float, float],
) -> Thing:
    middle, room = place
    allowed = _MAY_STAND[ground]
    kind = allowed[int(rng.integers(len(allowed)))]
    colour = None if kind in ("tree", "pine") else str(rng.choice(COLOUR_WORDS))
    count = 1
    if kind in ("tree", "pine", "boat", "balloon") and rng.random() < 0.45:
        most = 3 if number == 1 or (number == 2 and kind == "pine") else 2
        count = int(rng.integers(2, most + 1))
    size = _between(rng, *_SIZES[kind]) * _COUNT_SCALE[count - 1]
    size *= min(1.0, room / group_width(kind, count, size))
    x = middle + _between(rng, -0.06, 0.06) * (1.0 if number == 1 else 0.2)
    margin = 0.025 + group_width(kind, count, size) / 2.0
    x = min(max(x, margin), 1.0 - margin)
    return Thing(kind, colour, SIDES[side], count, x, _foot(rng, kind, ground, shore, size), size)


def _foot(rng: np.random.Generator, kind: str, ground: str, shore: float, size: float) -> float:
    if kind == "balloon":
        return _between(rng, 0.08, 0.13) + size
    if kind == "boat":
        if ground == "lake":
            return _between(rng, shore - 0.1, shore - 0.06)
        return _between(rng, 0.72, 0.82)
    if kind == "flowers":
        return _between(rng, 0.9, 0.95)
    if ground == "lake":
        return _between(rng, 0.89, 0.94)
    return _between(rng, 0.79, 0.9)


def _place_light(
    rng: np.random.Generator,
    time: str,
    horizon: float,
    mountains: bool,
    things: tuple[Thing, ...],
) -> tuple[float, float, float]:
    low = time in ("sunset", "dawn")
    size = _between(rng, 0.075, 0.095) if low else _between(rng, 0.065, 0.085)
    y = _between(rng, 0.13, 0.2)
    if low and not mountains:
        y = horizon - _between(rng, 0.02, 0.12)
    elif low:
        y = _between(rng, 0.16, 0.22)
    spots = (0.13, 0.335, 0.5, 0.665, 0.87)
    best, best_gap = 0.5, -9.0
    for index in rng.permutation(len(spots)):
        spot = spots[int(index)] + _between(rng, -0.02, 0.02)
        gap = min((_gap(spot, y, size, thing) for thing in things), default=1.0)
        if gap > best_gap + 1e-6:
            best, best_gap = spot, gap
        if best_gap >= 0.02:
            break
    return best, y, size


def _gap(x: float, y: float, size: float, thing: Thing) -> float:
    """How far a disc stands clear of a thing, sideways or above and below."""
    beside = abs(x - thing.x) - thing.width / 2.0 - size
    above = thing.y - thing.size - (y + size)
    below = (y - size) - thing.y
    return min(0.05, max(beside, above, below - 0.05))


def _clouds(
    rng: np.random.Generator,
    horizon: float,
    light: tuple[float, float, float] | None,
    things: tuple[Thing, ...],
) -> tuple[tuple[float, float, float], ...]:
    wanted = int(rng.choice(4, p=[0.34, 0.24, 0.24, 0.18]))
    placed: list[tuple[float, float, float]] = []
    for _ in range(24):
        if len(placed) == wanted:
            break
        width = _between(rng, 0.22, 0.32)
        x, y = _between(rng, width / 2 + 0.02, 0.98 - width / 2), _between(rng, 0.08, 0.3)
        near_light = light is not None and (
            abs(x - light[0]) < width / 2 + light[2] and abs(y - light[1]) < light[2] + 0.08
        )
        hidden = any(
            _gap(x, y, width / 2, thing) < -0.02 and thing.y - thing.size < y + 0.05
            for thing in things
        )
        crowded = any(
            abs(x - other[0]) < (width + other[2]) / 2 and abs(y - other[1]) < 0.12
            for other in placed
        )
        if not (near_light or hidden or crowded or y > horizon - 0.22):
            placed.append((x, y, width))
    return tuple(placed)


def _peaks(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    count = int(rng.integers(3, 6))
    peaks = []
    for index in range(count):
        x = (index + 0.5) / count + _between(rng, -0.08, 0.08)
        height = _between(rng, 0.13, 0.27)
        peaks.append((x, height, height * _between(rng, 0.8, 1.05) + 0.03))
    return tuple(sorted(peaks, key=lambda peak: -peak[1]))


def _stars(rng: np.random.Generator, horizon: float) -> tuple[tuple[float, float, float], ...]:
    found: list[tuple[float, float, float]] = []
    for _ in range(int(rng.integers(24, 36))):
        x, y = _between(rng, 0.03, 0.97), _between(rng, 0.03, horizon - 0.1)
        size = float(rng.choice([0.008, 0.008, 0.012, 0.018]))
        if all((x - star[0]) ** 2 + (y - star[1]) ** 2 > 0.09**2 for star in found):
            found.append((x, y, size))
    return tuple(found)


def _waves(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    return tuple(
        (_between(rng, 0.0, 1.0), (index + _between(rng, 0.2, 0.8)) / 8.0, _between(rng, 0.16, 0.3))
        for index in range(8)
    )
