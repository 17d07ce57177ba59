from __future__ import annotations

import pytest
import torch

from tests.engine.adapters.dialects.hand import close, random, read


def test_a_weight_changes_by_the_product_number_by_number() -> None:
    a1, b1, a2, b2 = random(8, 2), random(2, 6), random(8, 2, seed=1), random(2, 6, seed=1)
    change = read({"hada_w1_a": a1, "hada_w1_b": b1, "hada_w2_a": a2, "hada_w2_b": b2}, alpha=1.0)
    expected = (a1.double() @ b1.double()) * (a2.double() @ b2.double()) * 0.5
    assert change.shape == (8, 6)
    assert close(change, random(8, 6), expected)
    assert change.first_ranks(1) is change


def test_a_kernel_lies_in_the_inputs() -> None:
    a, b = random(4, 2), random(2, 3 * 9)
    change = read({"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": a, "hada_w2_b": b})
    assert change.shape == (4, 27)
    expected = ((a.double() @ b.double()) ** 2).view(4, 3, 3, 3)
    assert close(change, random(4, 3, 3, 3), expected)


def test_a_core_has_the_kernel() -> None:
    a, b, t = random(2, 4), random(2, 3), random(2, 2, 3, 3)
    pieces = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": a, "hada_w2_b": b}
    change = read({**pieces, "hada_t1": t, "hada_t2": t})
    one = torch.zeros(4, 3, 3, 3, dtype=torch.float64)
    for i in range(2):
        for j in range(2):
            one += a[i].double().outer(b[j].double()).view(4, 3, 1, 1) * t[i, j].double()
    assert change.shape == (4, 3, 3, 3)
    assert close(change, random(4, 3, 3, 3), one**2)


def test_a_missing_matrix_is_named() -> None:
    with pytest.raises(ValueError, match=r"'unet\.here' has only hada_w1_a and lacks hada_w1_b"):
        read({"hada_w1_a": random(2, 2)})
