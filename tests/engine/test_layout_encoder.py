from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from webui.engine.layout_encoder import LayoutEncoder, LayoutSettings

BOXES = torch.tensor([[[2.0, 0.1, 0.2, 0.5, 0.6], [0.0, 0.0, 0.7, 1.0, 1.0]]])


@pytest.fixture(scope="module")
def encoder() -> LayoutEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LayoutEncoder(LayoutSettings(classes=3, width=24, heads=2, boxes=5)).eval()


def tokens(encoder: LayoutEncoder, boxes: Tensor) -> Tensor:
    with torch.inference_mode():
        encoded: Tensor = encoder(boxes)
    return encoded


def test_there_are_always_as_many_tokens(encoder: LayoutEncoder) -> None:
    for count in range(6):
        assert tokens(encoder, BOXES[:, :1].expand(2, count, 5)).shape == (2, 5, 24)


def test_missing_boxes_and_boxes_of_no_class_are_the_same(encoder: LayoutEncoder) -> None:
    nothing = torch.full((1, 3, 5), -1.0)
    padded = torch.cat((BOXES, nothing), 1)
    assert torch.equal(tokens(encoder, BOXES), tokens(encoder, padded))


@pytest.mark.parametrize("place", range(5))
def test_class_and_each_side_matter(encoder: LayoutEncoder, place: int) -> None:
    other = BOXES.clone()
    other[0, 1, place] = 1.0 if place == 0 else other[0, 1, place] * 0.5 + 0.05
    assert not torch.allclose(tokens(encoder, BOXES), tokens(encoder, other), atol=1e-4)


def test_boxes_have_no_order(encoder: LayoutEncoder) -> None:
    there, back = tokens(encoder, BOXES), tokens(encoder, BOXES.flip(1))
    assert torch.allclose(there[:, :2], back[:, :2].flip(1), atol=1e-5)
    assert torch.allclose(there[:, 2:], back[:, 2:], atol=1e-5)


def test_what_was_saved_loads_again(encoder: LayoutEncoder, tmp_path: Path) -> None:
    encoder.half().float().save(tmp_path / "layout_encoder")
    loaded = LayoutEncoder.load(tmp_path / "layout_encoder")
    assert loaded.settings == encoder.settings
    assert not loaded.training
    assert torch.equal(tokens(loaded, BOXES), tokens(encoder, BOXES))


def test_it_can_be_trained(encoder: LayoutEncoder) -> None:
    learner = LayoutEncoder(encoder.settings)
    torch.autograd.backward(learner(BOXES).square().sum())
    assert all(p.grad is not None for p in learner.parameters())
