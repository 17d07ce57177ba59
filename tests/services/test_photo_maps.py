from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from webui.contracts.errors import NotFound
from webui.contracts.ids import ImageId
from webui.contracts.palettes import WORLD, palettes
from webui.services.images import ImageStore
from webui.services.photo_maps import map_from_photo, read_photo
from webui.training.world import CLASSES, render, sample_scene

SKY, MEADOW = (126, 190, 238), (132, 190, 84)


def _photo(height: int = 90, width: int = 120) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Sky over a meadow, with noise as a camera's."""
    flat = np.zeros((height, width, 3))
    flat[: height // 2], flat[height // 2 :] = SKY, MEADOW
    noise = np.random.default_rng(0).normal(0, 6, flat.shape)
    return np.clip(flat + noise, 0, 255).astype(np.uint8)


def test_noise_does_not_break_an_area(tmp_path: Path) -> None:
    world = palettes()[WORLD]
    numbers = read_photo(_photo(), world.colours, clusters=6)
    assert numbers.shape == (90, 120)
    assert (numbers[:43] == world.classes.index("sky")).all()
    assert (numbers[47:] == world.classes.index("meadow")).all()


def test_it_reads_the_same_each_time() -> None:
    colours = palettes()[WORLD].colours
    assert np.array_equal(read_photo(_photo(), colours, 8), read_photo(_photo(), colours, 8))


def test_a_picture_of_one_colour_is_one_class() -> None:
    flat = np.full((20, 30, 3), MEADOW, np.uint8)
    assert np.unique(read_photo(flat, [SKY, MEADOW], 8)).tolist() == [1]


def test_areas_end_where_those_of_rendered_scenes_do() -> None:
    colours, shares, one_area = [entry.rgb for entry in CLASSES], [], []
    for seed in range(12):
        drawn = render(sample_scene(seed), 96)
        read, true = read_photo(drawn.image, colours, 10), drawn.class_map
        most = [np.bincount(true[read == value]).max() for value in np.unique(read)]
        shares.append(sum(most) / true.size)
        one_area.append(np.bincount(true.ravel()).max() / true.size)
    assert np.mean(shares) > 0.7
    assert np.mean(shares) > np.mean(one_area) + 0.1


def test_the_map_is_kept_as_numbers_at_the_photographs_size(tmp_path: Path) -> None:
    images, out = ImageStore(tmp_path), io.BytesIO()
    Image.fromarray(_photo(1300, 40)).save(out, "PNG")
    made = map_from_photo(images, images.put(out.getvalue()), [SKY, MEADOW], 4)
    assert images.size(made) == (40, 1300)
    assert images.values(made) == (0, 1)


def test_an_unknown_picture_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        map_from_photo(ImageStore(tmp_path), ImageId("0" * 64), [SKY], 4)
