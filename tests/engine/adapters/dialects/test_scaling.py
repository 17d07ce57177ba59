from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.engine.adapters.dialects.hand import close, random, read
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.contracts.lora_keys import UNET
from webui.engine.adapters.dialects import BIAS, changes_of
from webui.engine.adapters.dialects.change import Pieces, fits
from webui.engine.adapters.lora import LoadedLora, load_lora
from webui.engine.adapters.merging import MergedWeights
from webui.services.lora_files import describe_lora


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


@pytest.mark.parametrize("on_input", [True, False])
def test_a_convolution_is_scaled_as_peft_does_it(on_input: bool) -> None:
    layer = torch.nn.Conv2d(4, 4, 3, padding=1)  # as many in as out: the numbers do not tell which
    factors = random(1, 4, 1, 1)
    found = dict(changes_of(Pieces("unet.conv1", {"ia3_l": factors}, on_input=on_input)))
    changed, bias = layer.weight + found[""].change(layer.weight), layer.bias
    assert bias is not None
    bias = bias if on_input else bias + found[BIAS].change(bias)
    x = random(2, 4, 5, 5)
    told = layer(x * factors) if on_input else layer(x) * factors
    drawn = torch.nn.functional.conv2d(x, changed, bias, padding=1)
    assert torch.allclose(drawn, told, atol=1e-5)
    assert (BIAS in found) is not on_input


def test_numbers_that_nothing_explains_are_named() -> None:
    with pytest.raises(ValueError, match="nothing says whether"):
        read({"ia3_l": random(1, 4, 1, 1)})
    with pytest.raises(ValueError, match=r"is of shape \(2, 4, 1, 1\)"):
        read({"ia3_l": random(2, 4, 1, 1)})


KEY = "base_model.model.down_blocks.0.resnets.0.{}.ia3_l"


def written(folder: Path, said: dict[str, Any] | None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {KEY.format(name): random(1, 4, 1, 1) for name in ("conv1", "conv2")}
    save_file(numbers, folder / "adapter_model.safetensors")
    if said is not None:
        (folder / "adapter_config.json").write_text(json.dumps(said))
    return folder / "adapter_model.safetensors"


def test_the_configuration_beside_a_file_says_what_its_convolutions_scale(tmp_path: Path) -> None:
    said = {"peft_type": "IA3", "feedforward_modules": ["conv2"]}
    info = describe_lora(written(tmp_path, said), AdapterId("scales"))
    changes = load_lora(info, torch.device("cpu")).changes
    where = "down_blocks_0_resnets_0_"
    assert {name.removeprefix(where): change.shape for (_, name), change in changes.items()} == {
        "conv1": (4, 0), "conv1.bias": (4, 0), "conv2": (0, 4),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, "is not beside it"), ({"peft_type": "LORA"}, "does not say peft_type IA3"),
        ({"peft_type": "IA3", "feedforward_modules": ".*conv2"}, "a list of names was expected"),
    ],
)  # fmt: skip
def test_a_file_that_nothing_explains_is_refused_by_the_catalogue(
    tmp_path: Path, said: dict[str, Any] | None, reason: str
) -> None:
    with pytest.raises(BrokenModel, match=reason):
        describe_lora(written(tmp_path, said), AdapterId("scales"))
