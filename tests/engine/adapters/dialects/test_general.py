from __future__ import annotations

import pytest

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


def test_matrices_that_do_not_go_together_are_named() -> None:
    with pytest.raises(ValueError, match="cannot be multiplied"):
        read({name: random(3, 5) for name in ("a1", "a2", "b1", "b2")})
