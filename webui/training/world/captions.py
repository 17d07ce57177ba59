"""Says in a few simple words what a scene shows, and knows which facts it said."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from webui.training.world.palette import COLOUR_WORDS
from webui.training.world.scene import Scene, Thing, sample_scene

_MOST_WORDS: Final = 40
_BARE: Final = 0.04
_NOUNS: Final[dict[str, tuple[str, str]]] = {
    "house": ("house", "house"),
    "tree": ("tree", "trees"),
    "pine": ("pine", "pines"),
    "boat": ("boat", "boats"),
    "balloon": ("balloon", "balloons"),
    "flowers": ("flowers", "flowers"),
}
_SIDES: Final = {
    "left": ("on the left", "at the left", "to the left"),
    "centre": ("in the centre", "in the middle"),
    "right": ("on the right", "at the right", "to the right"),
}
_TIMES: Final = {
    "day": ("by day", "in daylight", "during the day"),
    "sunset": ("at sunset", "at sunset", "at dusk"),
    "night": ("at night", "by night"),
    "dawn": ("at dawn", "at sunrise"),
}
_TIME_NAMES: Final = {
    "day": ("day", "daylight"),
    "sunset": ("sunset", "dusk"),
    "night": ("night",),
    "dawn": ("dawn", "sunrise"),
}
_GROUNDS: Final = {
    "meadow": ("a meadow", "a meadow", "a grassy field"),
    "desert": ("a desert", "a desert", "sand dunes"),
    "snowfield": ("a snowfield", "a snowy field"),
    "lake": ("a lake", "a calm lake"),
    "sea": ("the sea", "the ocean", "a calm sea"),
}
_GREEN: Final = ("a green meadow", "a green field")
_OPENINGS: Final = ("a picture of", "a small picture of", "a painting of", "a landscape with")
_MOONS: Final = {False: ("a full moon", "full moon"), True: ("a crescent moon", "crescent moon")}
_SUNS: Final = ("the sun", "a bright sun", "sun")
_CLOUDS: Final = (
    ("a clear sky",),
    ("a cloud", "one cloud"),
    ("two clouds", "clouds"),
    ("three clouds", "clouds"),
)
_STARS: Final = ("stars", "a starry sky")
_COUNTS: Final = {2: "two", 3: "three"}
_STYLE_OPENINGS: Final = {
    "flat": ("a flat illustration of",),
    "watercolour": ("a watercolour of", "a watercolour painting of"),
    "pencil": ("a pencil drawing of", "a pencil sketch of"),
    "pixel art": ("pixel art of",),
    "neon": ("a neon night scene with",),
}
_STYLE_ENDINGS: Final = {
    "flat": ("flat illustration",),
    "watercolour": ("watercolour", "in watercolour"),
    "pencil": ("pencil drawing", "pencil sketch"),
    "pixel art": ("pixel art",),
    "neon": ("neon night",),
}
_BARE_GROUNDS: Final = {
    "meadow": ("meadow", "a meadow", "grassy field"),
    "desert": ("desert", "a desert", "sand dunes"),
    "snowfield": ("snowfield", "a snowfield", "snowy field"),
    "lake": ("lake", "a lake"),
    "sea": ("sea", "the sea", "the ocean"),
}
_GLUE: Final = (
    "a",
    "an",
    "and",
    "with",
    "over",
    "mountains",
    "in autumn",
    "in summer",
    "hot air balloon",
)


@dataclass(frozen=True)
class SaidThing:
    """A mentioned thing: where its noun is among the words, and what was said of it."""

    index: int
    word: int
    thing: Thing
    said_colour: bool
    said_side: bool
    said_count: bool


@dataclass(frozen=True)
class Caption:
    """A caption and the facts it says.

    Attributes:
        text: The caption; commas are its only punctuation.
        words: Its words, without commas.
        nouns: The index of each mentioned thing's noun, with the thing.
        said_time: Whether the time of day is said.
        said_ground: Whether the ground is said.
        said_things: What is said of each mentioned thing.
        said_style: Whether the style is said; a neon night says the time too.
        scene: The scene.
    """

    text: str
    words: tuple[str, ...]
    nouns: tuple[tuple[int, Thing], ...]
    said_time: bool
    said_ground: bool
    said_things: tuple[SaidThing, ...]
    said_style: bool
    scene: Scene

    @property
    def time(self) -> str:
        """The scene's time of day, said or not."""
        return self.scene.time

    @property
    def ground(self) -> str:
        """The scene's ground, said or not."""
        return self.scene.ground

    @property
    def style(self) -> str:
        """The scene's style, said or not."""
        return self.scene.style


@dataclass(frozen=True)
class _Part:
    """A run of words; a thing's part knows its noun and what it says of the thing."""

    text: str
    index: int = -1
    noun: int = -1
    colour: bool = False
    side: bool = False
    count: bool = False


@dataclass(frozen=True)
class _Saying:
    """Which of the scene's own facts a caption says."""

    time: bool = False
    ground: bool = False
    style: bool = False


def vocabulary() -> tuple[str, ...]:
    """Every word a caption can use, sorted."""
    tables: list[tuple[str, ...]] = [_GREEN, _OPENINGS, _SUNS, _STARS, _GLUE, COLOUR_WORDS]
    for table in (_NOUNS, _SIDES, _TIMES, _TIME_NAMES, _GROUNDS, _BARE_GROUNDS, _MOONS):
        tables.extend(table.values())
    for table in (_STYLE_OPENINGS, _STYLE_ENDINGS):
        tables.extend(table.values())
    tables.extend(_CLOUDS)
    tables.append(tuple(_COUNTS.values()))
    return tuple(sorted({word for table in tables for text in table for word in text.split()}))


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption of the scene."""
    return caption_facts(scene, rng).text


def caption_text(seed: int, rng: np.random.Generator) -> str:
    """A caption, in new wording each time, of the scene with this seed."""
    return caption(sample_scene(seed), rng)


def caption_facts(scene: Scene, rng: np.random.Generator) -> Caption:
    """A caption of the scene, with what it says."""
    style = bool(rng.random() < (0.25 if scene.style == "flat" else 0.95))
    if rng.random() < _BARE:
        return _bare(scene, style, rng)
    order = [int(i) for i in rng.permutation(len(scene.things))]
    if rng.random() < 0.5:
        order.sort()
    things = [_thing_part(scene, i, rng) for i in order if rng.random() < 0.95]
    time, ground = bool(rng.random() < 0.92), bool(rng.random() < 0.92)
    glows = style and scene.style == "neon"
    if glows and rng.random() < 0.7:
        time = False
    if not things and not time:
        ground = True
    place = _place_parts(scene, rng, time, ground)
    extras = _extras(scene, rng)
    segments = _order(things, place, extras, rng)
    while sum(len(part.text.split()) for part in segments) > _MOST_WORDS - 8 and extras:
        segments.remove(extras.pop())
    opening, ending = _frame(scene, segments, style, rng)
    saying = _Saying(time or glows, ground, style)
    return _join(scene, [*segments, *ending], opening, saying, rng)


def _frame(
    scene: Scene, segments: list[_Part], style: bool, rng: np.random.Generator
) -> tuple[str, list[_Part]]:
    """The words before the segments, and a part after them; one of the two says the style."""
    opens = segments[0].text.split()[0] not in ("at", "by", "during", "in")
    if not style:
        return (_pick(_OPENINGS, rng) if opens and rng.random() < 0.15 else ""), []
    if opens and rng.random() < 0.5:
        return _pick(_STYLE_OPENINGS[scene.style], rng), []
    return "", [_Part(_pick(_STYLE_ENDINGS[scene.style], rng))]


def _bare(scene: Scene, style: bool, rng: np.random.Generator) -> Caption:
    """A caption of one fact alone: a time, a ground, a thing, mountains, a season or the sky."""
    glows = style and scene.style == "neon"
    facts = [(_Part(_pick(_BARE_GROUNDS[scene.ground], rng)), _Saying(ground=True))]
    if not glows:
        facts.append((_Part(_pick(_TIME_NAMES[scene.time], rng)), _Saying(time=True)))
    facts += [(_bare_thing(scene, i, rng), _Saying()) for i in range(len(scene.things))]
    if scene.mountains:
        facts.append((_Part("mountains"), _Saying()))
    if scene.season_shows:
        facts.append((_Part(scene.season), _Saying()))
    if scene.sky_light:
        facts.append((_Part(scene.sky_light), _Saying()))
    if scene.clouds:
        facts.append((_Part("cloud" if scene.clouds == 1 else "clouds"), _Saying()))
    part, saying = facts[int(rng.integers(len(facts)))]
    opening = _pick(_STYLE_OPENINGS[scene.style], rng) if style else ""
    saying = _Saying(saying.time or glows, saying.ground, style)
    return _join(scene, [part], opening, saying, rng)


def _bare_thing(scene: Scene, index: int, rng: np.random.Generator) -> _Part:
    thing = scene.things[index]
    noun = _NOUNS[thing.kind][0 if thing.count == 1 else 1]
    if thing.kind == "flowers" or rng.random() < 0.5:
        return _Part(noun, index, 0)
    return _Part(f"{_COUNTS.get(thing.count, 'a')} {noun}", index, 1, count=True)


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _thing_part(scene: Scene, index: int, rng: np.random.Generator) -> _Part:
    thing = scene.things[index]
    words: list[str] = []
    colour = bool(thing.colour is not None and rng.random() < 0.9)
    side = bool(rng.random() < 0.8)
    if colour and thing.colour is not None:
        words.append(thing.colour)
    if thing.kind == "balloon" and rng.random() < 0.12:
        words += ["hot", "air"]
    words.append(_NOUNS[thing.kind][0 if thing.count == 1 else 1])
    if thing.count > 1:
        words.insert(0, _COUNTS[thing.count])
    elif thing.kind != "flowers":
        words.insert(0, "an" if words[0][0] in "aeiou" else "a")
    noun = len(words) - 1
    if side:
        words += _pick(_SIDES[thing.side], rng).split()
    return _Part(" ".join(words), index, noun, colour, side, thing.kind != "flowers")


def _place_parts(
    scene: Scene, rng: np.random.Generator, said_time: bool, said_ground: bool
) -> list[_Part]:
    """The ground, mountains and time, as one part."""
    grounds = _GROUNDS[scene.ground]
    if scene.ground == "meadow" and scene.season == "summer" and rng.random() < 0.4:
        grounds = _GREEN
    mountains = scene.mountains and rng.random() < 0.7
    ground = _pick(grounds, rng) if said_ground else ""
    if said_ground and said_time and rng.random() < 0.25:
        text = f"{_pick(_TIME_NAMES[scene.time], rng)} over {ground}"
        return [_Part(text + (" with mountains" if mountains else ""))]
    rest = ("with mountains" if ground else "mountains") if mountains else ""
    time = _pick(_TIMES[scene.time], rng) if said_time else ""
    text = " ".join(part for part in (ground, rest, time) if part)
    return [_Part(text)] if text else []


def _extras(scene: Scene, rng: np.random.Generator) -> list[_Part]:
    found = []
    if scene.sky_light == "sun" and rng.random() < 0.4:
        found.append(_Part(_pick(_SUNS, rng)))
    if scene.sky_light == "moon" and rng.random() < 0.6:
        found.append(_Part(_pick(_MOONS[scene.shape.crescent], rng)))
    if rng.random() < (0.5 if scene.clouds else 0.15):
        found.append(_Part(_pick(_CLOUDS[scene.clouds], rng)))
    if scene.stars and rng.random() < 0.5:
        found.append(_Part(_pick(_STARS, rng)))
    if scene.season_shows and rng.random() < (0.6 if scene.season == "autumn" else 0.2):
        found.append(_Part(f"in {scene.season}"))
    return found


def _order(
    things: list[_Part], place: list[_Part], extras: list[_Part], rng: np.random.Generator
) -> list[_Part]:
    choice = int(rng.integers(4))
    if choice == 0:
        return [*place, *extras, *things]
    if choice == 1:
        return [*place, *things, *extras]
    return [*things, *place, *extras]


def _join(
    scene: Scene,
    segments: list[_Part],
    opening: str,
    saying: _Saying,
    rng: np.random.Generator,
) -> Caption:
    words: list[str] = opening.split()
    pieces: list[str] = [opening] if opening else []
    said: list[SaidThing] = []
    for place, part in enumerate(segments):
        before = segments[place - 1] if place else None
        glue = ""
        if before is not None:
            both = before.index >= 0 and part.index >= 0
            glue = "and" if both and rng.random() < 0.6 else ","
        if glue == ",":
            pieces[-1] += ","
        elif glue:
            pieces.append(glue)
            words.append(glue)
        if part.index >= 0:
            thing, word = scene.things[part.index], len(words) + part.noun
            said.append(SaidThing(part.index, word, thing, part.colour, part.side, part.count))
        words += part.text.split()
        pieces.append(part.text)
    nouns = tuple((entry.word, entry.thing) for entry in said)
    return Caption(
        " ".join(pieces),
        tuple(words),
        nouns,
        saying.time,
        saying.ground,
        tuple(said),
        saying.style,
        scene,
    )
