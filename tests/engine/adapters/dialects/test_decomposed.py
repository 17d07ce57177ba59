from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.engine.adapters.dialects.hand import close, random, read


def expected(weight: Tensor, product: Tensor, magnitude: Tensor, by_output: bool) -> Tensor:
    """The paper's equation 5, row by row or column by column."""
    turned = weight.double() + product
    made = torch.zeros_like(turned)
    for i in range(turned.shape[0 if by_output else 1]):
        part = turned[i] if by_output else turned[:, i]
        unit = part / part.flatten().norm()
        if by_output:
            made[i] = unit * magnitude.flatten()[i].double()
        else:
            made[:, i] = unit * magnitude.flatten()[i].double()
    return made - weight.double()


@pytest.mark.parametrize(
    ("shape", "by_output"),
    [((8,), True), ((8, 1), True), ((1, 6), False)],
)
def test_the_direction_is_the_changed_weights_and_the_magnitude_its_own(
    shape: tuple[int, ...], by_output: bool
) -> None:
    down, up, weight, magnitude = random(2, 6), random(8, 2), random(8, 6), random(*shape).abs()
    change = read({"down": down, "up": up, "magnitude": magnitude}, alpha=1.0)
    product = up.double() @ down.double() * 0.5
    assert change.shape == (8, 6)
    assert close(change, weight, expected(weight, product, magnitude, by_output))


@pytest.mark.parametrize("by_output", [True, False])
def test_a_convolutions_kernel_is_part_of_the_norm(by_output: bool) -> None:
    down, up, weight = random(2, 3, 3, 3), random(4, 2, 1, 1), random(4, 3, 3, 3)
    magnitude = random(*((4, 1, 1, 1) if by_output else (1, 3, 1, 1))).abs()
    change = read({"down": down, "up": up, "magnitude": magnitude})
    product = (up.flatten(1).double() @ down.flatten(1).double()).view(4, 3, 3, 3)
    assert close(change, weight, expected(weight, product, magnitude, by_output))


def test_a_loha_may_have_a_magnitude_too() -> None:
    a, b, magnitude = random(8, 2), random(2, 6), random(8).abs()
    names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    pieces = dict(zip(names, (a, b, a, b), strict=True))
    change = read({**pieces, "magnitude": magnitude})
    product = (a.double() @ b.double()) ** 2
    weight = random(8, 6)
    assert close(change, weight, expected(weight, product, magnitude, by_output=True))
