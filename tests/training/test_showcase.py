"""What runs show of themselves."""

import numpy as np

from tests.training.parts import SIZE
from webui.training.scenes import UNSEEN_SEEDS, draw_truth
from webui.training.showcase import paired_sheet, unseen_examples


def test_unseen_examples_have_all_truth_and_no_place_among_kept_latents() -> None:
    examples = unseen_examples(3, SIZE)
    assert examples.index is None
    assert np.array_equal(examples.pictures[2], draw_truth(UNSEEN_SEEDS + 2, SIZE).pictures)
    assert examples.captions == unseen_examples(3, SIZE).captions
    for truth in (examples.class_maps, examples.depths, examples.things, examples.boxes):
        assert truth is not None
        assert len(truth) == 3


def test_each_row_asked_for_stands_above_the_row_drawn() -> None:
    asked = np.stack([np.full((2, 2, 3), i, np.uint8) for i in range(3)])
    sheet = paired_sheet(asked, asked + 100, columns=2)
    assert sheet[::2, ::2, 0].tolist() == [[0, 1], [100, 101], [2, 255], [102, 255]]
