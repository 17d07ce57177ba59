"""Scenes that nothing was trained on."""

import numpy as np

from webui.training.evaluation.unseen import unseen
from webui.training.scenes import UNSEEN_SEEDS
from webui.training.world import STYLES


def test_unseen_scenes_have_seeds_beyond_training_and_their_truth() -> None:
    asked = unseen(3, 32)
    assert [scene.seed for scene in asked.scenes] == [UNSEEN_SEEDS + i for i in range(3)]
    assert asked.pictures.shape == (3, 32, 32, 3)
    assert asked.class_maps.shape == (3, 32, 32)
    assert [caption.scene for caption in asked.captions] == list(asked.scenes)


def test_a_smaller_crowd_is_the_beginning_of_a_larger_one() -> None:
    assert np.array_equal(unseen(2, 32).pictures, unseen(3, 32).pictures[:2])


def test_a_style_can_be_forced_on_all() -> None:
    for style in STYLES:
        assert {scene.style for scene in unseen(3, 32, 50, style).scenes} == {style}
