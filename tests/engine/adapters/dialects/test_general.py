from __future__ import annotations

import pytest
import torch

from tests.engine.adapters.dialects.hand import close, random, read


@pytest.mark.parametrize("out", [8, 6])
@pytest.mark.parametrize("turned", [False, True])
def test_a_weight_changes_by_itself_and_by_a_product(out: int, turned: bool) -> None:
    left, right, up, down = random(6, 2), random(2, 6), random(out, 2), random(2, 6, seed=1)
    names = ("a2", "a1", "b2", "b1") if turned else ("a1", "a2", "b1", "b2")
    weight = random(out, 6)
    change = read(dict(zip(names, (left, right, up, down), strict=True)), alpha=1.0)
    inside = weight.double() @ left.double() @ right.double()
    assert change.shape == (out, 6)
    assert close(change, weight, (inside + up.double() @ down.double()) * 0.5)


def test_a_convolution_mixes_its_inputs_alike_at_each_place_of_the_kernel() -> None:
    left, right = random(3, 2, 1, 1), random(2, 3, 1, 1)
    up, down, weight = random(5, 2, 1, 1), random(2, 3, 3, 3), random(5, 3, 3, 3)
    change = read({"a1": left, "a2": right, "b1": up, "b2": down}, alpha=1.0)
    mix = left.flatten(1).double() @ right.flatten(1).double()
    expected = torch.zeros(5, 3, 3, 3, dtype=torch.float64)
    for y in range(3):
        for x in range(3):
            added = up.flatten(1).double() @ down[:, :, y, x].double()
            expected[:, :, y, x] = weight[:, :, y, x].double() @ mix + added
    assert change.shape == (5, 27)
    assert close(change, weight, expected * 0.5)


def test_matrices_that_do_not_go_together_are_named() -> None:
    with pytest.raises(ValueError, match="cannot be multiplied"):
        read({name: random(3, 5) for name in ("a1", "a2", "b1", "b2")})
