"""What the world does not have."""

import numpy as np
import pytest

from webui.training.world import SIDES, render, sample_scene, vocabulary
from webui.training.world.extras import EXTRAS, draw_extra, linocut_style


@pytest.mark.parametrize("name", sorted(EXTRAS))
def test_a_seed_is_a_picture_and_a_caption_with_the_new_word(name: str) -> None:
    picture, caption = draw_extra(name, 3, 64)
    again, same = draw_extra(name, 3, 64)
    assert picture.shape == (64, 64, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, again)
    assert caption == same
    assert name in caption
    assert name not in vocabulary()
    assert not np.array_equal(picture, draw_extra(name, 4, 64)[0])


def test_an_unknown_extra_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"no extra 'castle'.*lighthouse, linocut"):
        draw_extra("castle", 0, 64)


PLACES = {"left": "on the left", "centre": "in the centre", "right": "on the right"}


def red(
    picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    r, g, b = (picture[..., i].astype(int) for i in range(3))
    return (r > 150) & (g < 90) & (b < 90)


def test_a_lighthouse_stands_on_the_side_that_its_caption_says() -> None:
    seen = set()
    for seed in range(150):
        scene = sample_scene(seed)
        reddish = any(thing.colour in ("red", "orange", "pink") for thing in scene.things)
        if reddish or scene.time != "day" or scene.style not in ("flat", "pixel art"):
            continue
        picture, caption = draw_extra("lighthouse", seed, 96)
        said = [side for side in SIDES if f"a lighthouse {PLACES[side]}" in caption]
        if said:
            middle = np.nonzero(red(picture))[1].mean() / 96
            assert SIDES[min(2, int(middle * 3))] == said[0]
            seen.add(said[0])
    assert seen == set(SIDES)


def test_a_linocut_has_one_ink_on_paper_and_carved_lines() -> None:
    picture, _ = draw_extra("linocut", 2, 128)
    grey = picture.mean(axis=2)
    assert ((grey < 60) | (grey > 210)).mean() > 0.75
    assert 0.05 < (grey < 60).mean() < 0.9
    assert picture.reshape(-1, 3).std(axis=0).min() > 40


def test_linocut_is_a_style_as_the_worlds_are() -> None:
    scene = sample_scene(5, "flat")
    small, large = (
        linocut_style(drawn.image, drawn.class_map, drawn.depth, scene).astype(float)
        for drawn in (render(scene, 128, 128), render(scene, 256, 256))
    )
    shrunk = large.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - small).mean() < 25
