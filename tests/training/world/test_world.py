"""The world draws what it says it draws, always the same, at every size."""

import itertools

import cv2
import numpy as np

from webui.training.world import (
    CLASS_INDEX,
    CLASSES,
    COLOUR_WORDS,
    Rendering,
    Scene,
    caption,
    caption_facts,
    lit_colour,
    render,
    sample_scene,
    vocabulary,
)


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def test_same_seed_gives_same_bytes() -> None:
    """Scene, picture and truth are functions of the seed alone."""
    for seed in range(12):
        assert sample_scene(seed) == sample_scene(seed)
        first, second = render(sample_scene(seed)), render(sample_scene(seed))
        assert first.image.tobytes() == second.image.tobytes()
        assert first.class_map.tobytes() == second.class_map.tobytes()
        assert first.depth.tobytes() == second.depth.tobytes()
        assert first.boxes == second.boxes


def test_sizes_show_the_same_scene() -> None:
    """A picture of twice the size, halved, is nearly the picture itself."""
    for seed in range(30):
        small = render(sample_scene(seed, "flat"), 128, 128)
        large = render(sample_scene(seed, "flat"), 256, 256)
        halved = cv2.resize(large.image, (128, 128), interpolation=cv2.INTER_AREA)
        difference = np.abs(halved.astype(float) - small.image.astype(float))
        assert difference.mean() < 2.0
        assert (large.class_map[::2, ::2] == small.class_map).mean() > 0.96


def test_any_aspect() -> None:
    """Non-square pictures have the right shapes and sane values."""
    for seed in range(20):
        for width, height in ((192, 128), (96, 160), (50, 33)):
            drawn = render(sample_scene(seed), width, height)
            assert drawn.image.shape == (height, width, 3)
            assert drawn.class_map.shape == drawn.depth.shape == (height, width)
            assert drawn.class_map.max() < len(CLASSES)
            assert 0.0 <= drawn.depth.min() <= drawn.depth.max() <= 1.0


def test_class_map_agrees_with_boxes() -> None:
    """Each box holds its class, and no pixel of a thing lies outside its boxes."""
    for seed in range(150):
        scene = sample_scene(seed)
        drawn = render(scene)
        assert len(drawn.boxes) >= sum(thing.count for thing in scene.things)
        for name in ("house", "tree", "pine", "boat", "balloon", "flower", "sun", "moon"):
            outside = drawn.class_map == CLASS_INDEX[name]
            for box in (box for box in drawn.boxes if box.name == name):
                x0, y0 = int(box.x0 * 128), int(box.y0 * 128)
                x1, y1 = int(np.ceil(box.x1 * 128)) + 1, int(np.ceil(box.y1 * 128)) + 1
                inside = drawn.class_map[y0:y1, x0:x1] == CLASS_INDEX[name]
                assert inside.mean() > 0.2, (seed, box)
                outside[max(0, y0 - 1) : y1, max(0, x0 - 1) : x1] = False
            assert not outside.any(), (seed, name)


def test_things_keep_apart_and_inside() -> None:
    """Things stand on their side, inside the picture, and do not cover each other."""
    for seed in range(600):
        things = sample_scene(seed).things
        for thing in things:
            limits = {"left": (0.1, 0.32), "centre": (0.4, 0.6), "right": (0.68, 0.9)}[thing.side]
            assert limits[0] <= thing.x <= limits[1]
            assert thing.x - thing.width / 2 > 0
            assert thing.x + thing.width / 2 < 1
            assert thing.y - thing.size > 0
            assert thing.y < 0.98
        for left, right in itertools.pairwise(things):
            assert right.x - left.x > (left.width + right.width) / 2 - 0.02


def _colours_right(scene: Scene, drawn: Rendering) -> list[bool]:
    anchors = np.array([lit_colour(word, scene.time) for word in COLOUR_WORDS])
    found = []
    for box in drawn.boxes:
        if box.colour is None:
            continue
        rows = slice(int(box.y0 * 128), int(np.ceil(box.y1 * 128)))
        columns = slice(int(box.x0 * 128), int(np.ceil(box.x1 * 128)))
        mask = drawn.class_map[rows, columns] == CLASS_INDEX[box.name]
        pixels = drawn.image[rows, columns][mask].astype(float)
        distance = ((pixels[:, None, :] - anchors[None]) ** 2).sum(axis=2)
        votes = distance.argmin(axis=1)[distance.min(axis=1) < 45.0**2]
        counts = np.bincount(votes, minlength=len(anchors))
        found.append(COLOUR_WORDS[int(counts.argmax())] == box.colour)
    return found


def test_stated_colour_is_seen() -> None:
    """A thing's colour word is the nearest to most of its pixels."""
    right: list[bool] = []
    for seed in range(200):
        scene = sample_scene(seed, "flat")
        right += _colours_right(scene, render(scene))
    assert len(right) > 100
    assert np.mean(right) >= 0.95


def test_captions_are_closed_and_true() -> None:
    """Captions use the vocabulary only, and their nouns are where they say."""
    words = set(vocabulary())
    assert len(words) < 200
    used: set[str] = set()
    for seed in range(5000):
        scene = sample_scene(seed)
        said = caption_facts(scene, _rng(seed))
        assert said.text == caption(scene, _rng(seed))
        assert tuple(said.text.replace(",", "").split()) == said.words
        assert 0 < len(said.words) <= 40
        used |= set(said.words)
        for entry in said.said_things:
            assert scene.things[entry.index] is entry.thing
            assert said.words[entry.word].rstrip("s") == entry.thing.kind.rstrip("s")
            if not entry.said_colour and len(scene.things) == 1:
                grass = {"green"} if {"meadow", "field"} & set(said.words) else set()
                assert entry.thing.colour not in set(said.words) - grass
    assert used == words
