"""Layers that a processor computes faster say what plain ones say."""

from __future__ import annotations

import pickle
from copy import deepcopy

import pytest
import torch
from torch import nn

from webui.engine.packed import on_processor, product
from webui.engine.packed.on_processor import (
    OneDnnLinear,
    PointwiseConv2d,
    ReorderedConv2d,
    quicken,
)
from webui.engine.packed.product import has_bfloat16
from webui.engine.shared_networks import network_bytes


class Both(nn.Module):
    """A convolution over a picture, and a product over the places of what it says."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(12, 24, 3, padding=1, stride=2)
        self.mix = nn.Conv2d(24, 24, 1)
        self.linear = nn.Linear(24, 40)
        self.time = nn.Linear(8, 24)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shown = self.mix(self.conv(x)).flatten(2).transpose(1, 2)  # (N, places, 24)
        told: torch.Tensor = self.linear(shown + self.time(torch.ones(len(x), 8)).unsqueeze(1))
        return told


@pytest.fixture(params=[True, False], ids=["AMD", "Intel"])
def network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Both:
    for module in (on_processor, product):
        monkeypatch.setattr(module, "mkl_is_slow", lambda: request.param)
    quick = Both().eval().requires_grad_(False)
    quicken(quick)
    assert type(quick.linear) is (OneDnnLinear if request.param else nn.Linear)
    assert type(quick.conv) is ReorderedConv2d
    assert type(quick.mix) is PointwiseConv2d
    return quick


X = torch.randn(2, 12, 9, 7, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def test_answers_differ_by_rounding(network: Both) -> None:
    plain = Both()
    torch.testing.assert_close(network(X), plain(X), rtol=1e-5, atol=1e-5)
    at_edges = X.to(memory_format=torch.channels_last)
    for each in (network, plain):
        each.conv.padding_mode = "circular"
    torch.testing.assert_close(network(at_edges), plain(at_edges), rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_a_kernel_of_one_place_is_a_product_however_the_picture_lies(network: Both) -> None:
    x = torch.randn(2, 24, 5, 1)
    expected = Both().mix(x)
    for layout in (torch.contiguous_format, torch.channels_last):
        answer = network.mix(x.contiguous(memory_format=layout))
        assert answer.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(answer, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 8, 1, stride=2),
        nn.Conv2d(8, 8, 1, padding=1),
        nn.Conv2d(8, 8, 1, groups=2),
        nn.Conv2d(8, 8, (1, 3)),
    ],
)
def test_other_small_kernels_are_no_products(layer: nn.Conv2d) -> None:
    x = torch.randn(1, 8, 6, 6)
    with torch.inference_mode():
        expected = layer(x)
        quicken(layer)
        assert type(layer) is not PointwiseConv2d
        torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_the_weight_is_there_once_and_can_be_read(network: Both) -> None:
    plain = Both()
    state = network.state_dict()
    assert state.keys() == plain.state_dict().keys()
    for name, weight in plain.state_dict().items():
        assert torch.equal(state[name], weight), name
    assert "conv.weight" not in dict(network.named_parameters())
    rounded = 4 * 24 * (16 - 12) * 9  # oneDNN's blocks are of 16 channels
    assert 0 <= network_bytes(network) - network_bytes(plain) <= rounded


@torch.inference_mode()
def test_another_weight_is_used_until_the_files_is_restored(network: Both) -> None:
    layer = network.conv
    assert isinstance(layer, ReorderedConv2d)
    of_file, before = layer.file_weight(), network(X)
    for factor in (2.0, 3.0):
        layer.put(of_file * factor)
        assert torch.equal(layer.weight, of_file * factor)
        assert torch.equal(layer.file_weight(), of_file)
    assert not torch.equal(network(X), before)
    layer.restore()
    assert torch.equal(network(X), before)


@torch.inference_mode()
def test_copies_pickles_and_other_precisions_work(network: Both) -> None:
    expected = network(X)
    assert torch.equal(deepcopy(network)(X), expected)
    assert torch.equal(pickle.loads(pickle.dumps(network))(X), expected)
    half = deepcopy(network).to(torch.float16).conv
    assert type(half) is nn.Conv2d
    assert half.weight.dtype is torch.float16
    back = half.to(torch.float32)
    assert torch.equal(back.weight, Both().conv.weight.half().float())


@pytest.mark.skipif(not has_bfloat16(), reason="this processor does not multiply in bfloat16")
@torch.inference_mode()
def test_in_bfloat16_it_is_coarser(network: Both) -> None:
    coarse = deepcopy(network).to(torch.bfloat16)
    assert type(coarse.conv) is ReorderedConv2d
    shown = coarse.conv(X.to(torch.bfloat16))
    assert shown.dtype is torch.bfloat16
    torch.testing.assert_close(shown.float(), network.conv(X), rtol=0.05, atol=0.05)


@pytest.mark.skipif(not has_bfloat16(), reason="this processor does not multiply in bfloat16")
@torch.inference_mode()
def test_a_lora_in_bfloat16_is_used_and_taken_out_to_the_bit(network: Both) -> None:
    layer = deepcopy(network).to(torch.bfloat16).conv
    assert isinstance(layer, ReorderedConv2d)
    x = X.to(torch.bfloat16)
    before = layer(x)
    layer.put(layer.file_weight().float() * 2)  # what LoRAs are merged in is float32
    assert layer(x).dtype is torch.bfloat16
    assert not torch.equal(layer(x), before)
    layer.restore()
    assert torch.equal(layer(x), before)
