from __future__ import annotations

import pytest
import torch

from tests.engine.adapters.dialects.hand import close, random, read
from webui.engine.adapters.dialects.change import fits


@pytest.mark.parametrize("on_input", [True, False])
def test_inputs_or_outputs_are_multiplied(on_input: bool) -> None:
    weight, factors = random(8, 6), random(6 if on_input else 8)
    change = read({"weight": factors, "on_input": torch.tensor(on_input)})
    along = factors.double()[None] if on_input else factors.double()[:, None]
    assert close(change, weight, weight.double() * along)
    assert fits(change, (8, 6))
    assert not fits(change, (7, 7))


def test_a_kernel_is_multiplied_as_a_whole() -> None:
    weight, factors = random(4, 3, 3, 3), random(4, 1)
    change = read({"weight": factors, "on_input": torch.tensor(False)})
    assert close(change, weight, weight.double() * factors.double().view(4, 1, 1, 1))
