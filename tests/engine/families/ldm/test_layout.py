from __future__ import annotations

import pytest
import torch
from torch import Tensor

from webui.engine.families.ldm.bert import BertEmbedder
from webui.engine.families.ldm.layout import LayoutReader

NONE = 8191


@pytest.fixture(scope="module")
def reader() -> LayoutReader:
    return LayoutReader(BertEmbedder(8192, 92, 8, depth=1, inner=64), classes=340)


def boxes(*rows: list[float]) -> Tensor:
    return torch.tensor(rows).reshape(1, -1, 5)


def test_a_box_is_its_class_and_two_corners_in_a_grid_of_ninety(reader: LayoutReader) -> None:
    ids = reader.ids(boxes([17, 0.0, 0.5, 1.0, 0.75]))[0].tolist()
    assert ids[:3] == [17, 90 * 44 + 0, 90 * 67 + 89]  # 44.5 and 66.75 of 89, rounded
    assert set(ids[3:90]) == {NONE}
    assert ids[90:] == [0, 90 * 89 + 89]


def test_no_boxes_are_all_places_empty(reader: LayoutReader) -> None:
    assert reader.ids(boxes())[0].tolist() == [NONE] * 90 + [0, 8099]


def test_more_boxes_than_places_are_left_out(reader: LayoutReader) -> None:
    many = boxes(*[[float(i), 0.0, 0.0, 1.0, 1.0] for i in range(40)])
    ids = reader.ids(many)
    assert ids.shape == (1, 92)
    assert ids[0, :90:3].tolist() == list(range(30))
    assert reader.settings.boxes == 30


def test_tokens_are_as_wide_as_the_encoder(reader: LayoutReader) -> None:
    assert reader(boxes([0, 0.0, 0.0, 1.0, 1.0])).shape == (1, 92, 8)
