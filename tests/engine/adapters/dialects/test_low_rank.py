from __future__ import annotations

import pytest
import torch

from tests.engine.adapters.dialects.hand import close, random, read


def test_a_linear_layer_changes_by_the_product_of_its_matrices() -> None:
    down, up, weight = random(4, 6), random(8, 4), random(8, 6)
    change = read({"down": down, "up": up}, alpha=2.0)
    assert change.shape == (8, 6)
    assert close(change, weight, up.double() @ down.double() * 0.5)
    first = up[:, :1].double() @ down[:1].double() * 0.5
    assert close(change.first_ranks(1), weight, first)


def test_a_convolution_changes_by_a_kernel_between_the_ranks() -> None:
    down, up, weight = random(2, 3, 3, 3), random(5, 2, 1, 1), random(5, 3, 3, 3)
    expected = torch.zeros(5, 3, 3, 3, dtype=torch.float64)
    for r in range(2):
        expected += up[:, r, 0, 0].double().view(5, 1, 1, 1) * down[r].double()
    change = read({"down": down, "up": up})
    assert change.shape == (5, 3, 3, 3)
    assert close(change, weight, expected)


def test_a_convolution_in_three_factors_has_its_kernel_in_the_middle() -> None:
    down, mid, up = random(2, 3, 1, 1), random(2, 2, 3, 3), random(5, 2, 1, 1)
    expected = torch.zeros(5, 3, 3, 3, dtype=torch.float64)
    for n in range(2):
        for m in range(2):
            outer = up[:, n, 0, 0].double().outer(down[m, :, 0, 0].double())
            expected += outer.view(5, 3, 1, 1) * mid[n, m].double()
    change = read({"down": down, "mid": mid, "up": up}, alpha=1.0)
    assert change.shape == (5, 3, 3, 3)
    assert close(change, random(5, 3, 3, 3), expected * 0.5)


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"down": random(2, 3)}, "lacks up"),
        ({"down": random(2, 3), "up": random(4, 3)}, r"\(4, 3\) and \(2, 3\), which cannot be"),
        ({"down": random(2, 3), "up": random(4, 2), "mid": random(3, 3)}, "cannot be"),
    ],
)
def test_matrices_that_do_not_go_together_are_named(
    tensors: dict[str, torch.Tensor], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        read(tensors)
