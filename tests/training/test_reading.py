"""How lessons are spoiled."""

from collections import Counter
from pathlib import Path

import numpy as np
import torch

from webui.training.evaluation.unseen import unseen
from webui.training.reading import EvenStyles, at_read_size, spoil, spoiled_batch
from webui.training.scenes import scene_pool
from webui.training.world import sample_scene


def test_spoiled_lessons_stay_like_their_pictures_but_are_not_all_the_same() -> None:
    picture, rng = unseen(1, 64).pictures[0], np.random.default_rng(0)
    spoiled = [spoil(picture, rng) for _ in range(12)]
    errors = [np.abs(s.astype(int) - picture).mean() for s in spoiled]
    assert all(s.shape == picture.shape and s.dtype == np.uint8 for s in spoiled)
    assert max(errors) < 15
    assert len({round(error, 6) for error in errors}) > 4


def test_rare_styles_are_drawn_as_often_as_common_ones(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, 60, 32)
    chosen = EvenStyles(pool).draw(1000, np.random.default_rng(0))
    counts = Counter(sample_scene(int(i)).style for i in chosen)
    assert set(counts) == {sample_scene(i).style for i in range(60)}
    assert max(counts.values()) < 1.5 * min(counts.values())


def test_a_batch_is_in_the_range_that_networks_take() -> None:
    batch = spoiled_batch(unseen(2, 64).pictures, np.random.default_rng(0), torch.device("cpu"))
    assert batch.shape == (2, 3, 64, 64)
    assert batch.min() >= -1
    assert batch.max() <= 1


def test_pictures_come_to_the_size_that_readers_know() -> None:
    assert at_read_size(unseen(2, 64).pictures).shape == (2, 128, 128, 3)
    pictures = unseen(1, 128).pictures
    assert at_read_size(pictures) is pictures
