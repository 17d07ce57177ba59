"""Turns written out as whole matrices, number by number, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.engine.adapters.dialects.hand import close, random, read
from webui.engine.adapters.dialects.change import fits


def cayley(block: Tensor) -> Tensor:
    """(I + Q)(I - Q)^-1 of the skew part of a block (n, n)."""
    q = block.double() - block.double().T
    unit = torch.eye(len(q), dtype=torch.float64)
    return (unit + q) @ torch.inverse(unit - q)


def diagonal(turns: list[Tensor]) -> Tensor:
    """One matrix (k * n, k * n) with the turns along its diagonal."""
    whole = torch.zeros(sum(map(len, turns)), sum(map(len, turns)), dtype=torch.float64)
    at = 0
    for turn in turns:
        whole[at : at + len(turn), at : at + len(turn)] = turn
        at += len(turn)
    return whole


def dealt(size: int, stride: int) -> Tensor:
    """The matrix that brings outputs i and i + stride, of each run of 2 * stride, side by side."""
    matrix = torch.zeros(size, size, dtype=torch.float64)
    for run in range(0, size, 2 * stride):
        for i in range(stride):
            matrix[run + 2 * i, run + i] = 1
            matrix[run + 2 * i + 1, run + i + stride] = 1
    return matrix


def test_blocks_turn_neighbouring_outputs() -> None:
    blocks, weight = random(4, 2, 2) * 0.3, random(8, 6)
    change = read({"oft_blocks": blocks}, alpha=0.0)
    turn = diagonal([cayley(block).T for block in blocks])
    assert (turn @ turn.T - torch.eye(8)).abs().max() < 1e-9
    assert close(change, weight, turn @ weight.double() - weight.double())
    assert change.first_ranks(1) is change
    assert fits(change, (8, 99))
    assert not fits(change, (6, 8))


@pytest.mark.parametrize("boft", [False, True])
def test_a_turned_weight_keeps_lengths_and_angles_of_what_enters(boft: bool) -> None:
    blocks = random(2, 2, 4, 4) if boft else random(2, 4, 4)
    weight = random(8, 6)
    turned = weight + read({"oft_blocks": blocks}).change(weight)
    assert torch.allclose(turned.T @ turned, weight.T @ weight, atol=1e-4)
    assert (turned - weight).abs().max() > 0.1


@pytest.mark.parametrize("alpha", [1e-3, 10.0])
def test_alpha_is_the_most_that_blocks_may_measure_for_each_output(alpha: float) -> None:
    blocks, weight = random(2, 4, 4), random(8, 6)
    q = blocks.double() - blocks.double().mT
    shorter = min(1.0, alpha * 8 / float(q.norm()))
    turn = diagonal([cayley(block.double() * shorter).T for block in blocks])
    change = read({"oft_blocks": blocks}, alpha=alpha)
    assert close(change, weight, turn @ weight.double() - weight.double())


def test_a_kernel_is_turned_as_a_whole_and_rescaled_output_by_output() -> None:
    blocks, weight, rescale = random(2, 2, 2), random(4, 3, 3, 3), random(4, 1, 1, 1)
    change = read({"oft_blocks": blocks, "rescale": rescale})
    turn = diagonal([cayley(block).T for block in blocks])
    expected = turn @ weight.double().flatten(1) * rescale.double().view(4, 1)
    assert close(change, weight, expected.view(4, 3, 3, 3) - weight.double())


def test_the_first_files_hold_the_turns_themselves() -> None:
    blocks, weight = random(2, 4, 4), random(8, 6)
    change = read({"oft_diag": blocks}, alpha=5.0)
    turn = diagonal([block.double().T for block in blocks])
    assert close(change, weight, turn @ weight.double() - weight.double())


@pytest.mark.parametrize(("turns", "count", "size"), [(3, 4, 2), (2, 4, 4), (1, 3, 2)])
def test_a_butterfly_deals_the_outputs_before_each_turn(turns: int, count: int, size: int) -> None:
    blocks, out = random(turns, count, size, size) * 0.4, count * size
    weight, rescale = random(out, 5), random(out, 1, seed=3)
    change = read({"oft_blocks": blocks, "rescale": rescale})
    turned = weight.double()
    for number in range(turns):
        deal = dealt(out, 2**number * size // 2)
        turned = deal.T @ diagonal([cayley(block) for block in blocks[number]]) @ deal @ turned
    assert close(change, weight, rescale.double() * turned - weight.double())


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"oft_blocks": random(2, 3)}, r"of shape \(2, 3\); \(k, n, n\) was expected"),
        ({"oft_blocks": random(2, 3, 4)}, r"\(2, 3, 4\); \(k, n, n\) was expected"),
        ({"oft_blocks": random(2, 3, 3, 3)}, "cannot deal its 9 outputs in blocks of 3"),
        ({"oft_blocks": random(4, 3, 2, 2)}, "the 4 turns of 'unet.here' cannot deal its 6"),
        ({"oft_blocks": random(2, 3, 3), "rescale": random(4)}, "has 4 numbers; 6 were expected"),
    ],
)
def test_blocks_that_turn_nothing_are_named(tensors: dict[str, Tensor], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(tensors)
