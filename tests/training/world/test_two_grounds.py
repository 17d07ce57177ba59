"""Scenes with two grounds side by side."""

import numpy as np
import pytest

from webui.training.world import (
    CLASS_INDEX,
    CLASSES,
    GROUNDS,
    render,
    render_two_grounds,
    sample_two_grounds,
)
from webui.training.world.scene import may_stand

SIZE = 96


def test_each_side_is_drawn_on_its_own_ground_and_the_sky_is_one() -> None:
    for seed in range(20):
        scene = sample_two_grounds(seed)
        drawn = render_two_grounds(scene, SIZE, SIZE)
        left, right = render(scene.left, SIZE, SIZE), render(scene.right, SIZE, SIZE)
        places = (np.arange(SIZE) + 0.5) / SIZE
        beyond = places[None] > scene.border.at(places)[:, None]
        for name in ("image", "class_map", "depth"):
            made = getattr(drawn, name)
            assert np.array_equal(made[~beyond], getattr(left, name)[~beyond])
            assert np.array_equal(made[beyond], getattr(right, name)[beyond])
        top = slice(0, SIZE // 8)
        assert np.array_equal(left.image[top], right.image[top])
        assert not np.array_equal(left.class_map, right.class_map)


def test_things_stand_where_they_may_and_grounds_differ_to_the_eye() -> None:
    pairs = set()
    for seed in range(200):
        scene = sample_two_grounds(seed)
        grounds = (scene.left.ground, scene.right.ground)
        pairs.add(frozenset(grounds))
        assert scene.left.things == scene.right.things
        for thing in scene.left.things:
            beyond = bool(thing.x > scene.border.at(np.array([thing.y]))[0])
            assert may_stand(thing.kind, grounds[beyond])
    assert frozenset(("lake", "sea")) not in pairs  # both are water
    assert len(pairs) == len(GROUNDS) * (len(GROUNDS) - 1) // 2 - 1
    assert sample_two_grounds(7) == sample_two_grounds(7)


@pytest.mark.parametrize("size", [(64, 64), (96, 64)])
def test_any_size_has_both_grounds_in_its_map(size: tuple[int, int]) -> None:
    scene = next(
        scene
        for scene in map(sample_two_grounds, range(100))
        if {scene.left.ground, scene.right.ground} == {"desert", "snowfield"}
    )
    drawn = render_two_grounds(scene, *size)
    assert drawn.image.shape == (size[1], size[0], 3)
    lower = {CLASSES[i].name for i in np.unique(drawn.class_map[size[1] * 3 // 4 :])}
    assert {"desert", "snow"} <= lower
    assert CLASS_INDEX["sky"] in drawn.class_map
