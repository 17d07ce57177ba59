"""Low-rank changes."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.engine.adapters.lora import load_lora
from webui.engine.adapters.merging import MergedWeights
from webui.training.low_rank import LoraLayer, add_lora, save_lora


def network() -> nn.Sequential:
    torch.manual_seed(0)
    conv, linear = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Linear(4, 6)
    return nn.Sequential(conv, nn.Sequential(linear), nn.Linear(6, 6))


def test_a_new_change_changes_nothing_and_only_it_learns() -> None:
    for base, x in (
        (nn.Linear(5, 7), torch.randn(2, 5)),
        (nn.Conv2d(3, 4, 3, stride=2, padding=1), torch.randn(2, 3, 8, 8)),
    ):
        before = base(x).detach()
        layer = LoraLayer(base.requires_grad_(False), rank=2, alpha=4.0)
        assert torch.equal(layer(x), before)
        torch.autograd.backward(layer(x).sum())
        assert layer.up.weight.grad is not None
        assert base.weight.grad is None


def test_layers_are_found_by_the_ends_of_their_names() -> None:
    net = network()
    layers = add_lora(net, ("0",), rank=2, alpha=2.0)
    assert set(layers) == {"0", "1.0"}
    assert isinstance(net[2], nn.Linear)
    learns = [name for name, p in net.named_parameters() if p.requires_grad]
    assert learns == ["0.down.weight", "0.up.weight", "1.0.down.weight", "1.0.up.weight"]
    with pytest.raises(ValueError, match="no layer named"):
        add_lora(network(), ("to_q",), 2, 2.0)


def test_the_engine_merges_the_file_into_what_the_layers_computed(tmp_path: Path) -> None:
    net = network()
    layers = add_lora(net, ("0",), rank=2, alpha=6.0)
    for layer in layers.values():
        nn.init.normal_(layer.up.weight)
        for weight in (layer.up.weight, layer.down.weight):
            weight.data = weight.data.half().float()  # as in the file
    file = tmp_path / "loras" / "it.safetensors"
    save_lora(file, {"unet": layers}, {"modelspec.title": "It"})
    assert set(load_file(file)) == {
        f"unet.{name}.lora_{half}.weight" for name in ("0", "1.0") for half in "AB"
    }
    info = AdapterInfo(AdapterId("loras/it"), "lora", "It", str(file), file.stat().st_size)
    plain = network()
    MergedWeights().use("unet", plain, ((load_lora(info, torch.device("cpu")), 1.0),))
    x = torch.randn(1, 3, 8, 8)
    assert torch.allclose(plain[0](x), net[0](x), atol=1e-5)
    y = torch.randn(2, 4)
    assert torch.allclose(plain[1](y), net[1](y), atol=1e-5)


def test_the_header_says_rank_and_alpha_as_peft_does(tmp_path: Path) -> None:
    file = tmp_path / "it.safetensors"
    save_lora(file, {"unet": add_lora(network(), ("0",), 2, 6.0)}, {"modelspec.title": "It"})
    with safe_open(file, framework="pt") as opened:
        header = opened.metadata()
    assert header["modelspec.title"] == "It"
    stated = json.loads(header["lora_adapter_metadata"])
    assert stated == {"unet.r": 2, "unet.lora_alpha": 6.0}


def test_a_text_encoders_layers_are_named_as_all_programs_name_them(tmp_path: Path) -> None:
    file = tmp_path / "it.safetensors"
    for net in (network(), nn.Sequential()):
        if len(net) == 0:
            net.add_module("text_model", network())
        save_lora(file, {"text_encoder": add_lora(net, ("2",), 2, 2.0)}, {})
        assert set(load_file(file)) == {
            f"text_encoder.text_model.2.lora_{half}.weight" for half in "AB"
        }
