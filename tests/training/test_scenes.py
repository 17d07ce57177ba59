"""Scenes with their truth."""

import os
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from webui.training.scenes import CAPTION_BYTES, SceneStream, ahead, pool_in_memory, scene_pool
from webui.training.world import (
    CLASS_INDEX,
    caption_text,
    render,
    render_two_grounds,
    sample_scene,
    sample_two_grounds,
)


def test_a_pool_holds_the_scenes_of_its_seeds_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.training.scenes.CHUNK", 3)  # so that both processes draw
    pool = scene_pool(tmp_path, count=5, size=64, first_seed=100, workers=2)
    assert len(pool) == 5
    for i in (0, 4):
        drawn = render(sample_scene(100 + i), 64, 64)
        assert np.array_equal(pool.pictures[i], drawn.image)
        assert np.array_equal(pool.class_maps[i], drawn.class_map)
        near = 255 * (1 - drawn.depth.reshape(16, 4, 16, 4).mean(axis=(1, 3)))
        assert np.abs(pool.depths[i] - near).max() <= 1
        named = [b for b in pool.boxes[i] if b[0] >= 0]
        assert len(named) == len(drawn.boxes)
        assert named[0][0] == CLASS_INDEX[drawn.boxes[0].name]
        assert named[0][1] == pytest.approx(drawn.boxes[0].x0)


def test_a_pool_of_scenes_with_two_grounds_is_another_pool_without_words(tmp_path: Path) -> None:
    scene_pool(tmp_path, count=2, size=64, first_seed=3, workers=1)
    pool = scene_pool(tmp_path, count=2, size=64, first_seed=3, workers=1, two_grounds=True)
    drawn = render_two_grounds(sample_two_grounds(4), 64, 64)
    assert np.array_equal(pool.pictures[1], drawn.image)
    assert np.array_equal(pool.class_maps[1], drawn.class_map)
    assert pool.draw(3, np.random.default_rng(0)).captions == ("", "", "")


def test_a_pool_is_drawn_only_once(tmp_path: Path) -> None:
    scene_pool(tmp_path, count=2, size=64)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    scene_pool(tmp_path, count=2, size=64)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == written


def test_things_mark_the_cells_of_foreground_objects(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, count=40, size=64)
    for i in range(40):
        has_things = bool(sample_scene(i).things)
        assert bool(pool.things[i].any()) == has_things


def test_a_draw_holds_the_truth_of_its_scenes_and_other_words_each_time(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, count=8, size=64)
    rng = np.random.default_rng(0)
    once, again = (pool.take(np.arange(8), rng) for _ in range(2))
    assert np.array_equal(once.pictures, again.pictures)
    assert once.captions != again.captions
    assert once.class_maps is not None
    assert once.class_maps.shape == (8, 64, 64)


def test_captions_are_kept_in_several_wordings_and_whole(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, count=30, size=32)
    said = [{text.decode() for text in row} for row in pool.captions]
    assert sum(len(wordings) > 1 for wordings in said) > 20
    rng = np.random.default_rng(0)
    longest = max(len(caption_text(seed, rng).encode()) for seed in range(3000))
    assert longest < CAPTION_BYTES
    drawn = pool.take(np.arange(30), rng).captions
    assert all(caption in wordings for caption, wordings in zip(drawn, said, strict=True))


def test_a_draw_reads_only_what_is_asked_for(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, count=4, size=32)
    examples = pool.draw(4, np.random.default_rng(0))
    object.__setattr__(pool, "pictures", None)  # what a training on latents never needs
    assert examples.things is not None
    with pytest.raises(IndexError):
        _ = examples.pictures[0]


def test_a_pool_travels_to_other_processes_as_the_name_of_its_folder(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, count=40, size=64, first_seed=7)
    packed = pickle.dumps(pool)
    assert len(packed) < 2000
    again = pickle.loads(packed)
    assert again.first_seed == 7
    assert np.array_equal(again.pictures, pool.pictures)
    few = pool_in_memory(range(7, 9), 64)
    assert np.array_equal(pickle.loads(pickle.dumps(few)).boxes, pool.boxes[:2])


def test_examples_travel_with_their_arrays(tmp_path: Path) -> None:
    examples = scene_pool(tmp_path, count=4, size=32).draw(3, np.random.default_rng(0))
    again = pickle.loads(pickle.dumps(examples))
    assert np.array_equal(again.pictures, examples.pictures)
    assert again.captions == examples.captions
    assert again.without_index().index is None


def test_a_stream_draws_new_scenes_in_its_own_processes() -> None:
    stream = SceneStream(size=32, batch=3, first_seed=50, workers=1)
    rng = np.random.default_rng(0)
    first, second = stream.draw(3, rng), stream.draw(3, rng)
    assert np.array_equal(first.pictures[0], render(sample_scene(50), 32, 32).image)
    assert np.array_equal(second.pictures[2], render(sample_scene(55), 32, 32).image)
    with pytest.raises(ValueError, match="3 scenes at a time, not 4"):
        stream.draw(4, rng)


def test_a_pool_is_drawn_by_other_processes_while_the_block_goes_on(tmp_path: Path) -> None:
    draw = partial(scene_pool, tmp_path, 4, 32)
    before = os.nice(0)
    with ahead(draw, wanted=True):
        assert os.nice(0) == before
    assert (tmp_path / "32-0-4" / "whole.json").exists()


def test_on_a_cpu_nothing_is_drawn_ahead(tmp_path: Path) -> None:
    with ahead(partial(scene_pool, tmp_path, 4, 32), wanted=False):
        pass
    assert not any(tmp_path.iterdir())
