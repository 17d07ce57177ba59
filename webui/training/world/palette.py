"""Colours of the world: the eight colour words, and the light of each time of day."""

from dataclasses import dataclass

RGB = tuple[float, float, float]

COLOURS: dict[str, RGB] = {
    "red": (214, 46, 42),
    "orange": (244, 136, 32),
    "yellow": (250, 216, 60),
    "green": (36, 156, 84),
    "blue": (46, 100, 216),
    "purple": (134, 66, 182),
    "pink": (246, 152, 192),
    "white": (248, 246, 240),
}
COLOUR_WORDS: tuple[str, ...] = tuple(COLOURS)


@dataclass(frozen=True)
class Light:
    """The light of one time of day.

    Attributes:
        sky: Colours of the sky at the top, at the middle and at the horizon.
        water: Colours of the water at the horizon and near the viewer.
        multiply: Factor of each channel on the land.
        tint: Colour mixed into the land.
        mix: Share of the tint on the land.
        thing_multiply: Factor of each channel on coloured things, which stay bright.
        thing_mix: Share of the tint on coloured things.
        glow: Colour around the sun or the moon.
        cloud: Colours of a cloud's top and of its underside.
    """

    sky: tuple[RGB, RGB, RGB]
    water: tuple[RGB, RGB]
    multiply: RGB
    tint: RGB
    mix: float
    thing_multiply: RGB
    thing_mix: float
    glow: RGB
    cloud: tuple[RGB, RGB]


LIGHTS: dict[str, Light] = {
    "day": Light(
        sky=((74, 152, 226), (134, 194, 240), (214, 236, 246)),
        water=((150, 208, 232), (42, 116, 184)),
        multiply=(1.0, 1.0, 1.0),
        tint=(255, 255, 255),
        mix=0.0,
        thing_multiply=(1.0, 1.0, 1.0),
        thing_mix=0.0,
        glow=(255, 246, 206),
        cloud=((255, 255, 255), (212, 226, 240)),
    ),
    "dawn": Light(
        sky=((136, 156, 216), (216, 190, 220), (254, 222, 198)),
        water=((228, 204, 212), (104, 130, 186)),
        multiply=(0.97, 0.91, 0.95),
        tint=(240, 190, 206),
        mix=0.14,
        thing_multiply=(0.98, 0.95, 0.97),
        thing_mix=0.05,
        glow=(255, 240, 196),
        cloud=((255, 242, 240), (232, 196, 212)),
    ),
    "sunset": Light(
        sky=((88, 62, 138), (220, 98, 112), (254, 178, 92)),
        water=((244, 156, 104), (96, 62, 128)),
        multiply=(0.93, 0.76, 0.72),
        tint=(190, 80, 92),
        mix=0.14,
        thing_multiply=(0.98, 0.89, 0.86),
        thing_mix=0.04,
        glow=(255, 206, 110),
        cloud=((252, 190, 160), (190, 104, 132)),
    ),
    "night": Light(
        sky=((12, 18, 54), (26, 38, 90), (62, 80, 138)),
        water=((62, 82, 142), (18, 32, 80)),
        multiply=(0.42, 0.49, 0.66),
        tint=(34, 46, 100),
        mix=0.18,
        thing_multiply=(0.87, 0.86, 0.89),
        thing_mix=0.05,
        glow=(176, 192, 236),
        cloud=((96, 110, 158), (66, 78, 126)),
    ),
}


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """Mixes two colours; `share` is the part of the second."""
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
        first[2] + (second[2] - first[2]) * share,
    )


def _under(colour: RGB, multiply: RGB, tint: RGB, share: float) -> RGB:
    scaled = (colour[0] * multiply[0], colour[1] * multiply[1], colour[2] * multiply[2])
    return mix(scaled, tint, share)


def land_colour(colour: RGB, time: str) -> RGB:
    """A colour of the land under the light of a time of day."""
    light = LIGHTS[time]
    return _under(colour, light.multiply, light.tint, light.mix)


def thing_colour(colour: RGB, time: str) -> RGB:
    """A colour of a coloured thing under the light of a time of day."""
    light = LIGHTS[time]
    return _under(colour, light.thing_multiply, light.tint, light.thing_mix)


def lit_colour(word: str, time: str) -> RGB:
    """The colour a colour word stands for on a thing at a time of day."""
    return thing_colour(COLOURS[word], time)
