"""Every style redraws the same scene: the same truth, another hand."""

import dataclasses

import cv2
import numpy as np
import pytest

from webui.training.world import (
    CLASS_INDEX,
    COLOUR_WORDS,
    STYLES,
    Rendering,
    Scene,
    caption_facts,
    lit_colour,
    render,
    sample_scene,
    vocabulary,
)

DRAWN = tuple(style for style in STYLES if style != "flat")


def _flat(scene: Scene) -> Rendering:
    return render(dataclasses.replace(scene, style="flat"))


@pytest.mark.parametrize("style", DRAWN)
def test_style_repaints_the_same_scene(style: str) -> None:
    """The same bytes each time; other colours than flat, but its truth."""
    for seed in range(8):
        scene = sample_scene(seed, style)
        first, second, flat = render(scene), render(scene), _flat(scene)
        assert first.image.tobytes() == second.image.tobytes()
        assert first.class_map.tobytes() == flat.class_map.tobytes()
        assert first.depth.tobytes() == flat.depth.tobytes()
        assert first.boxes == flat.boxes
        assert np.abs(first.image.astype(float) - flat.image.astype(float)).mean() > 4.0


@pytest.mark.parametrize("style", DRAWN)
def test_style_is_the_same_at_every_size(style: str) -> None:
    """A picture of twice the size, halved, is nearly the picture itself: 6 levels at most."""
    for seed in range(10):
        scene = sample_scene(seed, style)
        large = render(scene, 256, 256).image
        halved = cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA)
        difference = np.abs(halved.astype(float) - render(scene).image.astype(float))
        assert difference.mean() < 6.0, seed


@pytest.mark.parametrize("style", DRAWN)
def test_style_draws_any_aspect(style: str) -> None:
    """Non-square pictures keep their shape."""
    for width, height in ((192, 128), (96, 160), (50, 33)):
        assert render(sample_scene(3, style), width, height).image.shape == (height, width, 3)


def _painted(scene: Scene, drawn: Rendering, flat: Rendering) -> list[tuple[str, str]]:
    """The said word of each large thing, and the word its own paint is nearest to now."""
    anchors = np.array([lit_colour(word, scene.time) for word in COLOUR_WORDS])
    found = []
    for box in flat.boxes:
        if box.colour is None:
            continue
        rows = slice(int(box.y0 * 128), int(np.ceil(box.y1 * 128)))
        columns = slice(int(box.x0 * 128), int(np.ceil(box.x1 * 128)))
        lit = np.array(lit_colour(box.colour, scene.time))
        paint = flat.class_map[rows, columns] == CLASS_INDEX[box.name]
        paint &= np.linalg.norm(flat.image[rows, columns] - lit, axis=2) < 45.0
        if paint.sum() < 60:
            continue
        mean = drawn.image[rows, columns][paint].astype(float).mean(axis=0)
        if scene.style == "neon":
            mean, anchors = mean / mean.max(), anchors / anchors.max(axis=1, keepdims=True)
        distance = np.linalg.norm(anchors - mean, axis=1)
        found.append((box.colour, COLOUR_WORDS[int(distance.argmin())]))
    return found


@pytest.mark.parametrize("style", STYLES)
def test_colour_words_stay_readable(style: str) -> None:
    """What flat paints in a colour word is, in every style, nearest to that word.

    In neon, which dims its fillings, hue and saturation are compared and brightness is not.
    """
    pairs: list[tuple[str, str]] = []
    for seed in range(60):
        scene = sample_scene(seed, style)
        pairs += _painted(scene, render(scene), _flat(scene))
    assert len(pairs) > 30
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    assert len(wrong) <= 0.05 * len(pairs), wrong


def test_forcing_a_style_changes_nothing_else() -> None:
    """All facts but the style stay; neon alone turns the time to night."""
    for seed in range(60):
        scene = sample_scene(seed)
        for style in STYLES[:-1]:
            assert sample_scene(seed, style) == dataclasses.replace(scene, style=style)
        neon = sample_scene(seed, "neon")
        assert (neon.time, neon.style) == ("night", "neon")
        assert neon.sky_light in ("moon", None)
        assert (neon.things, neon.ground) == (scene.things, scene.ground)
    with pytest.raises(ValueError, match="no such style"):
        sample_scene(0, "oil")


def test_facts_of_a_seed_are_pinned() -> None:
    """Styles came later; the other facts of a seed are as they were before them."""
    boats = [("boat", "purple", "left", 1), ("boat", "blue", "centre", 1)]
    expected = {
        0: ("dawn", "lake", [*boats, ("house", "red", "right", 1)], 2),
        1: ("sunset", "snowfield", [("pine", None, "right", 3)], 0),
        2: (
            "dawn",
            "desert",
            [("balloon", "orange", "left", 2), ("house", "orange", "right", 1)],
            1,
        ),
        3: ("dawn", "meadow", [("tree", None, "centre", 1)], 3),
    }
    for seed, facts in expected.items():
        scene = sample_scene(seed)
        things = [(thing.kind, thing.colour, thing.side, thing.count) for thing in scene.things]
        assert (scene.time, scene.ground, things, scene.clouds) == facts


def test_every_style_occurs_and_neon_only_at_night() -> None:
    """Styles are drawn as often as they should be."""
    scenes = [sample_scene(seed) for seed in range(800)]
    assert all(scene.time == "night" for scene in scenes if scene.style == "neon")
    share = {style: np.mean([scene.style == style for scene in scenes]) for style in STYLES}
    assert 0.33 < share["flat"] < 0.45
    assert all(0.03 < share[style] < 0.25 for style in DRAWN)


def test_captions_say_the_style() -> None:
    """A style that is not flat is nearly always said, in words of the vocabulary."""
    words = {
        "flat": "flat",
        "watercolour": "watercolour",
        "pencil": "pencil",
        "pixel art": "pixel",
        "neon": "neon",
    }
    assert set(words.values()) <= set(vocabulary())
    said: dict[str, list[bool]] = {style: [] for style in STYLES}
    for seed in range(3000):
        told = caption_facts(sample_scene(seed), np.random.Generator(np.random.PCG64(seed)))
        said[told.style].append(told.said_style)
        assert told.said_style == (words[told.style] in told.words)
        if told.said_style and told.style == "neon":
            assert told.said_time
    assert 0.18 < np.mean(said["flat"]) < 0.32
    assert all(np.mean(said[style]) > 0.88 for style in DRAWN)


def test_some_captions_say_one_fact_alone() -> None:
    """A few captions are one bare fact; they claim no other."""
    bare = 0
    for seed in range(3000):
        scene = sample_scene(seed)
        told = caption_facts(scene, np.random.Generator(np.random.PCG64(seed)))
        if told.said_style or len(told.words) > 2:
            continue
        bare += 1
        assert told.said_time + told.said_ground + len(told.said_things) <= 1
        for entry in told.said_things:
            assert not entry.said_colour
            assert entry.said_count == (told.words[0] in ("a", "two", "three"))
    assert bare > 20
