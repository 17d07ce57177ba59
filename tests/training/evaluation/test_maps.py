"""Depth as a request takes it, and whether things are where they should be."""

import numpy as np
import pytest

from webui.training.evaluation.maps import depth_picture, things_iou
from webui.training.evaluation.unseen import unseen


def test_near_is_white_and_far_is_black() -> None:
    assert depth_picture(np.array([[0.0, 0.5, 1.0]], np.float32)).tolist() == [[255, 128, 0]]


def test_truth_agrees_with_itself_and_other_scenes_less() -> None:
    maps = unseen(30, 64).class_maps
    assert things_iou(maps, maps) == pytest.approx(1.0)
    assert things_iou(np.roll(maps, -1, axis=0), maps) < 0.5
