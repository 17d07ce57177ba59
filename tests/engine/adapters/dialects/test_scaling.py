from __future__ import annotations

import pytest
import torch

from tests.engine.adapters.dialects.hand import close, random, read
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.contracts.lora_keys import UNET
from webui.engine.adapters.dialects import BIAS, changes_of
from webui.engine.adapters.dialects.change import Pieces, fits
from webui.engine.adapters.lora import LoadedLora
from webui.engine.adapters.merging import MergedWeights


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


@pytest.mark.parametrize("on_input", [True, False])
def test_numbers_of_peft_multiply(on_input: bool) -> None:
    layer = torch.nn.Linear(6, 8)
    factors = random(1, 6) if on_input else random(8, 1)
    found = dict(changes_of(Pieces("unet.here", {"ia3_l": factors})))
    changed = layer.weight + found[""].change(layer.weight)
    bias = layer.bias if on_input else layer.bias + found[BIAS].change(layer.bias)
    x = random(3, 6)
    told = layer(x * factors[0]) if on_input else layer(x) * factors[:, 0]
    assert torch.allclose(torch.nn.functional.linear(x, changed, bias), told, atol=1e-5)
    assert (BIAS in found) is not on_input


def test_a_layer_without_a_bias_takes_numbers_of_peft() -> None:
    network = torch.nn.Module()
    network.to_k = torch.nn.Linear(4, 4, bias=False)
    before = network.to_k.weight.detach().clone()
    changes = {
        (UNET, "to_k" + ending): change
        for ending, change in changes_of(Pieces("unet.to_k", {"ia3_l": torch.full((4, 1), 3.0)}))
    }
    lora = LoadedLora(AdapterInfo(AdapterId("a"), "lora", "a", "", 0), changes, 0)
    MergedWeights().use(UNET, network, ((lora, 0.5),))
    assert torch.allclose(network.to_k.weight, 2 * before)


def test_numbers_of_peft_for_a_convolution_are_named() -> None:
    with pytest.raises(ValueError, match=r"is of shape \(1, 4, 1, 1\); \(outputs, 1\)"):
        read({"ia3_l": random(1, 4, 1, 1)})
