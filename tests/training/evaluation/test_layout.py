"""Boxes, and whether they hold their things."""

import numpy as np

from webui.contracts.conditions import LayoutBox
from webui.training.evaluation.layout import boxes_found, boxes_of, draw_boxes
from webui.training.evaluation.unseen import unseen
from webui.training.world import CLASS_INDEX, CLASSES


def test_truth_holds_all_boxes_and_other_scenes_few() -> None:
    asked = unseen(40, 64)
    boxes = [boxes_of(rendering) for rendering in asked.drawn]
    found = boxes_found(asked.class_maps, asked.class_maps, boxes)
    assert found.share == 1.0
    assert found.of > 60
    shuffled = np.roll(asked.class_maps, -1, axis=0)
    assert boxes_found(shuffled, asked.class_maps, boxes).share < 0.35


def test_half_of_what_should_be_there_is_enough_and_less_is_not() -> None:
    box = LayoutBox(label="tree", left=0.0, top=0.0, right=0.5, bottom=0.5)
    wanted = np.zeros((1, 8, 8), np.uint8)
    wanted[0, :4, :4] = CLASS_INDEX["tree"]
    half, less = wanted.copy(), wanted.copy()
    half[0, :2] = 0
    less[0, :3] = 0
    assert boxes_found(half, wanted, [[box]]).right == 1
    assert boxes_found(less, wanted, [[box]]).right == 0


def test_a_thing_that_is_hidden_in_the_true_scene_is_not_counted() -> None:
    box = LayoutBox(label="sun", left=0.0, top=0.0, right=1.0, bottom=1.0)
    maps = np.zeros((1, 8, 8), np.uint8)
    assert boxes_found(maps, maps, [[box]]).of == 0


def test_boxes_are_drawn_in_the_colour_of_their_class() -> None:
    box = LayoutBox(label="boat", left=0.25, top=0.25, right=0.75, bottom=0.75)
    picture = draw_boxes([box], 32)
    assert picture[8, 16].tolist() == list(CLASSES[CLASS_INDEX["boat"]].rgb)
    assert picture[16, 16].tolist() == [255, 255, 255]
