"""Scenes drawn once and kept."""

from pathlib import Path

import numpy as np

from webui.training.scenes import scene_pool
from webui.training.world import render, sample_scene


def test_a_pool_holds_the_scenes_of_its_seeds_in_order(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, count=5, size=64, first_seed=100, workers=2)
    assert len(pool) == 5
    for i in (0, 4):
        assert np.array_equal(pool.pictures[i], render(sample_scene(100 + i), 64, 64).image)


def test_a_pool_is_drawn_only_once(tmp_path: Path) -> None:
    scene_pool(tmp_path, count=2, size=64)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    scene_pool(tmp_path, count=2, size=64)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written


def test_things_mark_the_cells_of_foreground_objects(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, count=40, size=64)
    for i in range(40):
        has_things = bool(sample_scene(i).things)
        assert bool(pool.things[i].any()) == has_things
