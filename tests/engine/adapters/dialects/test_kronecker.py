from __future__ import annotations

import torch
from torch import Tensor

from tests.engine.adapters.dialects.hand import close, random, read


def blocks(one: Tensor, two: Tensor) -> Tensor:
    """Every number of the first matrix times the whole second, laid out as blocks."""
    rows = [torch.cat([x.double() * two.double() for x in row], dim=1) for row in one]
    return torch.cat(rows)


def test_a_weight_changes_by_blocks_of_a_small_matrix() -> None:
    one, a, b = random(2, 3), random(4, 2), random(2, 5)
    change = read({"lokr_w1": one, "lokr_w2_a": a, "lokr_w2_b": b}, alpha=1.0)
    assert change.shape == (8, 15)
    assert close(change, random(8, 15), blocks(one, a @ b) * 0.5)


def test_the_alpha_of_two_whole_matrices_means_nothing() -> None:
    one, two = random(2, 3), random(4, 5)
    change = read({"lokr_w1": one, "lokr_w2": two}, alpha=1e9)
    assert close(change, random(8, 15), blocks(one, two))


def test_both_matrices_may_be_of_low_rank() -> None:
    a, b = random(4, 2), random(2, 3)
    pieces = {"lokr_w1_a": a, "lokr_w1_b": b, "lokr_w2_a": a, "lokr_w2_b": b}
    assert close(read(pieces, alpha=4.0), random(16, 9), blocks(a @ b, a @ b) * 2)


def test_a_kernel_lies_in_the_second_matrix() -> None:
    one, two = random(2, 3), random(4, 5, 3, 3)
    change = read({"lokr_w1": one, "lokr_w2": two})
    expected = torch.zeros(8, 15, 3, 3, dtype=torch.float64)
    for y in range(3):
        for x in range(3):
            expected[:, :, y, x] = blocks(one, two[:, :, y, x])
    assert change.shape == (8, 135)
    assert close(change, random(8, 15, 3, 3), expected)


def test_a_core_has_the_kernel() -> None:
    one, core, a, b = random(2, 2), random(2, 2, 3, 3), random(2, 4), random(2, 3)
    change = read({"lokr_w1": one, "lokr_t2": core, "lokr_w2_a": a, "lokr_w2_b": b}, alpha=2.0)
    expected = torch.zeros(8, 6, 3, 3, dtype=torch.float64)
    for y in range(3):
        for x in range(3):
            two = a.double().T @ core[:, :, y, x].double() @ b.double()
            expected[:, :, y, x] = blocks(one, two)
    assert change.shape == (8, 54)
    assert close(change, random(8, 6, 3, 3), expected)
