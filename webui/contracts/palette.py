"""Colours that stand for classes: in the page's legend, in a map's PNG, in a controlnet's picture."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

RGB = tuple[int, int, int]

KNOWN: Mapping[str, RGB] = {
    "sky": (126, 190, 238), "cloud": (226, 234, 242), "sun": (255, 200, 40), "moon": (244, 240, 200),
    "star": (255, 255, 120), "mountain": (128, 122, 150), "meadow": (132, 190, 84),
    "desert": (232, 190, 120), "snow": (196, 214, 246), "water": (44, 110, 190), "tree": (60, 140, 50),
    "pine": (16, 92, 74), "house": (200, 80, 60), "boat": (130, 78, 40), "balloon": (170, 80, 200),
    "flower": (244, 120, 180),
}  # fmt: skip
"""The classes of the starter models, in the colours that they were trained with."""
PAINTS: Mapping[str, RGB] = {
    "white": (250, 250, 248), "light grey": (196, 200, 204), "grey": (128, 132, 138), "black": (24, 24, 28),
    "sky": (126, 190, 238), "deep blue": (38, 78, 168), "night": (24, 30, 70), "water": (44, 110, 190),
    "teal": (30, 140, 140), "meadow": (132, 190, 84), "leaf": (60, 140, 50), "pine": (16, 92, 74),
    "sand": (232, 190, 120), "earth": (150, 100, 60), "wood": (96, 58, 32), "yellow": (250, 216, 60),
    "orange": (244, 136, 32), "red": (214, 46, 42), "pink": (246, 152, 192), "purple": (134, 66, 182),
}  # fmt: skip
"""Colours to paint with in the live tab; the first is the paper's."""
_GOLDEN = 0.618034
"""Share of a turn after which hues fall farthest from all before (the golden ratio)."""


def colours_of(classes: Sequence[str]) -> tuple[RGB, ...]:
    """One colour a class, no two alike; those of known names are always the same."""
    found: list[RGB] = []
    for index, name in enumerate(classes):
        colour = KNOWN.get(name, _by_place(index))
        while colour in found:
            index += len(classes)
            colour = _by_place(index)
        found.append(colour)
    return tuple(found)


def _by_place(index: int) -> RGB:
    """A colour far from those of the places before: hue by the golden ratio, value in three steps."""
    hue, value = index * _GOLDEN % 1, (0.95, 0.75, 0.55)[index % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.4 + 0.15 * (index // 3 % 4), value)
    return round(red * 255), round(green * 255), round(blue * 255)
