"""Sets of classes that maps are painted in: the starter's world, ADE20K, COCO-Stuff; or the painter's own.

Names, their order and ADE20K's colours are those of the data sets (Zhou et al. 2017; Caesar et al. 2018),
as controlnets for class maps were taught them. COCO-Stuff has no colours of its own that are agreed on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from webui.contracts.palette import KNOWN, RGB, colours_of

MODELS_OWN, WORLD, ADE20K, COCO_STUFF, OWN = "Model's own", "World", "ADE20K", "COCO-Stuff", "Own"
MOST_CLASSES = 256
"""As many as a map has numbers."""
CHOICES = (MODELS_OWN, WORLD, ADE20K, COCO_STUFF, OWN)

_ADE20K = """
wall 787878, building b47878, sky 06e6e6, floor 503232, tree 04c803, ceiling 787850, road 8c8c8c,
bed cc05ff, windowpane e6e6e6, grass 04fa07, cabinet e005ff, sidewalk ebff07, person 96053d, earth
787846, door 08ff33, table ff0652, mountain 8fff8c, plant ccff04, curtain ff3307, chair cc4603, car
0066c8, water 3de6fa, painting ff0633, sofa 0b66ff, shelf ff0747, house ff09e0, sea 0907e6, mirror
dcdcdc, rug ff095c, field 7009ff, armchair 08ffd6, seat 07ffe0, fence ffb806, desk 0aff47, rock
ff290a, wardrobe 07ffff, lamp e0ff08, bathtub 6608ff, railing ff3d06, cushion ffc207, base ff7a08,
box 00ff14, column ff0829, signboard ff0599, chest of drawers 0633ff, counter eb0cff, sand a09614,
sink 00a3ff, skyscraper 8c8c8c, fireplace fa0a0f, refrigerator 14ff00, grandstand 1fff00, path
ff1f00, stairs ffe000, runway 99ff00, case 0000ff, pool table ff4700, pillow 00ebff, screen door
00adff, stairway 1f00ff, river 0bc8c8, bridge ff5200, bookcase 00fff5, blind 003dff, coffee table
00ff70, toilet 00ff85, flower ff0000, book ffa300, hill ff6600, bench c2ff00, countertop 008fff,
stove 33ff00, palm 0052ff, kitchen island 00ff29, computer 00ffad, swivel chair 0a00ff, boat adff00,
bar 00ff99, arcade machine ff5c00, hovel ff00ff, bus ff00f5, towel ff0066, light ffad00, truck
ff0014, tower ffb8b8, chandelier 001fff, awning 00ff3d, streetlight 0047ff, booth ff00cc, television
receiver 00ffc2, airplane 00ff52, dirt track 000aff, apparel 0070ff, pole 3300ff, land 00c2ff,
bannister 007aff, escalator 00ffa3, ottoman ff9900, bottle 00ff0a, buffet ff7000, poster 8fff00,
stage 5200ff, van a3ff00, ship ffeb00, fountain 08b8aa, conveyer belt 8500ff, canopy 00ff5c, washer
b800ff, plaything ff001f, swimming pool 00b8ff, stool 00d6ff, barrel ff0070, basket 5cff00,
waterfall 00e0ff, tent 70e0ff, bag 46b8a0, minibike a300ff, cradle 9900ff, oven 47ff00, ball ff00a3,
food ffcc00, step ff008f, tank 00ffeb, trade name 85ff00, microwave ff00eb, pot f500ff, animal
ff007a, bicycle fff500, lake 0abed4, dishwasher d6ff00, screen 00ccff, blanket 1400ff, sculpture
ffff00, hood 0099ff, sconce 0029ff, vase 00ffcc, traffic light 2900ff, tray 29ff00, ashcan ad00ff,
fan 00f5ff, pier 4700ff, crt screen 7a00ff, plate 00ffb8, monitor 005cff, bulletin board b8ff00,
shower 0085ff, radiator ffd600, glass 19c2c2, clock 66ff00, flag 5c00ff
"""
"""Name and colour of each class, in the order of their numbers."""
_COCO_STUFF = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant,
street sign, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear,
zebra, giraffe, hat, backpack, umbrella, shoe, eye glasses, handbag, tie, suitcase, frisbee, skis,
snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket,
bottle, plate, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli,
carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, mirror, dining table, window,
desk, toilet, door, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink,
refrigerator, blender, book, clock, vase, scissors, teddy bear, hair drier, toothbrush, hair brush,
banner, blanket, branch, bridge, building-other, bush, cabinet, cage, cardboard, carpet,
ceiling-other, ceiling-tile, cloth, clothes, clouds, counter, cupboard, curtain, desk-stuff, dirt,
door-stuff, fence, floor-marble, floor-other, floor-stone, floor-tile, floor-wood, flower, fog,
food-other, fruit, furniture-other, grass, gravel, ground-other, hill, house, leaves, light, mat,
metal, mirror-stuff, moss, mountain, mud, napkin, net, paper, pavement, pillow, plant-other,
plastic, platform, playingfield, railing, railroad, river, road, rock, roof, rug, salad, sand, sea,
shelf, sky-other, skyscraper, snow, solid-other, stairs, stone, straw, structural-other, table,
tent, textile-other, towel, tree, vegetable, wall-brick, wall-concrete, wall-other, wall-panel,
wall-stone, wall-tile, wall-wood, water-other, waterdrops, window-blind, window-other, wood
"""
"""Names of the classes in the order of their numbers, which begin at 1 in the data set and at 0 here."""

_WORDS: Mapping[str, str] = {
    "sky": "a clear sky", "cloud": "clouds", "sun": "a bright sun", "moon": "a full moon",
    "star": "a starry sky", "mountain": "mountains", "meadow": "a green meadow", "desert": "a desert",
    "snow": "a snowfield", "water": "a calm lake", "tree": "trees", "pine": "pines", "house": "a house",
    "boat": "a boat", "balloon": "a hot air balloon", "flower": "flowers",
}  # fmt: skip
"""The world's classes as its captions name them."""


@dataclass(frozen=True)
class Palette:
    """Classes and their colours; a class's place is its number in a map."""

    classes: tuple[str, ...]
    colours: tuple[RGB, ...]
    words: tuple[str, ...] = ()
    """What is asked for where each class is; without any, `usual_words` of their names."""

    def words_of(self, value: int) -> str:
        """What is asked for where a class is, as long as nobody says otherwise."""
        return self.words[value] if self.words else usual_words(self.classes[value])


@cache
def palettes() -> Mapping[str, Palette]:
    """The palettes that come with the program, by name."""
    ade = [entry.rsplit(" ", 1) for entry in _entries(_ADE20K)]
    stuff = _entries(_COCO_STUFF)
    return {
        WORLD: Palette(tuple(KNOWN), tuple(KNOWN.values())),
        ADE20K: Palette(tuple(name for name, _ in ade), tuple(_rgb(code) for _, code in ade)),
        COCO_STUFF: Palette(stuff, colours_of(stuff)),
    }


def palette_of(
    name: str, classes: Sequence[str], others: Mapping[str, Palette] = MappingProxyType({})
) -> Palette | None:
    """The palette of a request; None of the painter's own, which the request does not name.

    Args:
        name: One of CHOICES, or of `others`.
        classes: Of the model; without any, its own palette is the world's.
        others: What extensions offer, by name.
    """
    if name == MODELS_OWN and classes:
        return Palette(tuple(classes), colours_of(classes))
    return {**others, **palettes()}.get(WORLD if name == MODELS_OWN else name)


def palette_fault(palette: Palette) -> str:
    """Why no map can be painted in it, as the end of a sentence; empty where one can."""
    # Any: what an extension put into it.
    classes: Sequence[Any] = palette.classes
    colours: Sequence[Any] = palette.colours
    words: Sequence[Any] = palette.words
    if not 0 < len(classes) <= MOST_CLASSES:
        return f"has {len(classes)} classes; 1 to {MOST_CLASSES} were expected"
    if len(colours) != len(classes) or len(words) not in (0, len(classes)):
        said = f"{len(classes)} classes, {len(colours)} colours and {len(words)} words"
        return f"has {said}; one colour a class, and one text a class or none, were expected"
    odd = [each for each in (*classes, *words) if not (isinstance(each, str) and each.strip())]
    if odd or len(set(classes)) < len(classes):
        return f"has the classes {classes!r:.100}; different names, and words that say something, were expected"
    levels = [tuple(colour) for colour in colours]
    if any(len(rgb) != 3 or any(level not in range(256) for level in rgb) for rgb in levels):
        return f"has the colours {colours!r:.100}; red, green and blue from 0 to 255 were expected"
    return ""


def usual_words(name: str) -> str:
    """What is asked for where a class is, as long as nobody says otherwise.

    COCO-Stuff's compound names are turned round: 'wall-brick' is a brick wall, 'sky-other' a sky.
    """
    thing, _, kind = name.partition("-")
    if not kind:
        return _WORDS.get(name, name)
    return thing if kind in ("other", "stuff") else f"{kind} {thing}"


def _entries(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in " ".join(text.split()).split(","))


def _rgb(code: str) -> RGB:
    red, green, blue = bytes.fromhex(code)
    return red, green, blue
