"""Layers in eight bits say what they say in float32 but for rounding, whatever stands beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engine.adapters.test_lora import written
from tests.engine.families.tiny_xl import write_tiny_xl
from tests.engine.library import CPU, Library
from tests.engine.original import tiny_sd1, write_original
from tests.engine.rig import Rig, crowd_as_alone, order
from tests.engine.tiny import write_tiny
from webui.contracts.infotext import write_infotext
from webui.contracts.infotext_reading import read_infotext
from webui.contracts.lora_keys import UNET
from webui.contracts.request import GenerationRequest
from webui.engine import precision
from webui.engine.adapters.control import Control
from webui.engine.adapters.controlnet import load_control
from webui.engine.adapters.lora import load_lora
from webui.engine.alterations import Alterations, FreeU
from webui.engine.execute import execute
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.packed import eight_bits
from webui.engine.packed.eight_bits import can_count, has_eight_bits, in_eight_bits, rounded
from webui.engine.packed.late import LateWeight
from webui.engine.packed.on_processor import quicken
from webui.engine.shared_networks import network_bytes
from webui.engine.work import Predict

LAYERS: list[nn.Linear | nn.Conv2d] = [
    nn.Linear(48, 32), nn.Linear(48, 32, bias=False), nn.Conv2d(48, 32, 3, padding=1),
    nn.Conv2d(48, 32, 3, padding=1, stride=2), nn.Conv2d(48, 32, 1),
    nn.Conv2d(48, 32, 3, padding=1, padding_mode="circular"),
]  # fmt: skip

needs_vnni = pytest.mark.skipif(not has_eight_bits(), reason="this processor has no VNNI")


class Around(nn.Module):
    """A network of one layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        told: Tensor = self.layer(x)
        return told


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    return load_model(write_tiny(tmp_path / "tiny"), CPU)


def _input(layer: nn.Module, rows: int = 3) -> Tensor:
    shape = (rows, 10, 48) if isinstance(layer, nn.Linear) else (rows, 48, 10, 8)
    sizes = torch.tensor([1.0, 100.0, 0.01][:rows]).view(-1, *[1] * (len(shape) - 1))
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)) * sizes


def _bound(layer: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """How far rounding by half a step of each number moves an answer at most."""
    by_token = isinstance(layer, nn.Linear)
    step = rounded(x, *((-1,) if by_token else (1, 2, 3)))[1] / 2
    weight = layer.weight.detach()
    steps = (weight.flatten(1).abs().amax(1) / 254).view(-1, *[1] * (weight.dim() - 1))
    worst = Around(_like(layer, weight.abs() + steps))(step.expand_as(x))
    bound: Tensor = worst + Around(_like(layer, steps.expand_as(weight)))(x.abs()) + 1e-6
    return bound


def _like(layer: nn.Linear | nn.Conv2d, weight: Tensor) -> nn.Module:
    """The same layer with another weight and no bias."""
    made = deepcopy(layer)
    made.weight, made.bias = nn.Parameter(weight, requires_grad=False), None
    return made


@needs_vnni
@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
@torch.inference_mode()
def test_answers_are_within_what_rounding_can_do(layer: nn.Linear | nn.Conv2d, quick: bool) -> None:
    network, x = Around(deepcopy(layer)), _input(layer)
    exact, bound = network(x), _bound(layer, x)
    if quick:
        quicken(network)
    with in_eight_bits(network, True):
        coarse = network(x)
    assert (abs(coarse - exact) <= bound).all()
    assert not torch.equal(coarse, network(x))
    assert "forward" not in vars(network.layer)


@needs_vnni
@pytest.mark.parametrize("layer", LAYERS, ids=str)
@torch.inference_mode()
def test_a_row_is_alone_as_beside_others_to_the_bit(layer: nn.Module) -> None:
    network, x = Around(deepcopy(layer)), _input(layer)
    with in_eight_bits(network, True):
        together = network(x)
        alone = [network(x[i : i + 1]) for i in range(len(x))]
    assert torch.equal(together, torch.cat(alone))


@needs_vnni
@torch.inference_mode()
def test_rows_of_zeros_give_the_bias() -> None:
    network = Around(deepcopy(LAYERS[0]))
    with in_eight_bits(network, True):
        answer = network(torch.zeros(1, 2, 48))
    assert torch.equal(answer, network(torch.zeros(1, 2, 48)))


@needs_vnni
@torch.inference_mode()
def test_what_is_no_number_stays_none() -> None:
    network = Around(deepcopy(LAYERS[2]))
    x = _input(LAYERS[2])
    x[1, 0, 0, 0] = torch.nan
    with in_eight_bits(network, True):
        answer = network(x)
    assert answer[1].isnan().all()
    assert answer[::2].isfinite().all()


@needs_vnni
def test_pictures_are_in_a_crowd_as_alone_and_near_the_exact_ones(model: LoadedModel) -> None:
    orders = [
        order(model.checkpoint, f"{bits} {seed}", seed=seed, eight_bits=bits, steps=5)
        for seed in range(2)
        for bits in (False, True)
    ]
    crowd = crowd_as_alone(model, *orders, exact=lambda job: job.request.eight_bits)
    assert set(crowd.predicted_rows()) == {4, 2}  # the exact ones together, each other one alone
    exact, coarse = (crowd.pictures(f"{bits} 0")[0].astype(int) for bits in (False, True))
    assert 0 < abs(coarse - exact).mean() < 12


@needs_vnni
@pytest.mark.parametrize(
    "fields", [{"deep_cache_interval": 2, "token_merging_ratio": 0.5}, {"tiling": True}]
)
def test_it_goes_with_other_savings_and_with_tiles(
    model: LoadedModel, fields: dict[str, Any]
) -> None:
    pictures = []
    for bits in (False, True):
        rig = Rig(model)
        rig.finish(order(model.checkpoint, steps=4, eight_bits=bits, **fields))
        pictures.append(rig.pictures("job")[0].astype(int))
    assert 0 < abs(pictures[1] - pictures[0]).mean() < 12
    assert not [m for m in model.unet.modules() if "forward" in vars(m)]


@needs_vnni
@pytest.mark.parametrize("kind", ["control", "patching", "freeu"])
def test_it_goes_with_what_else_is_done_to_the_network(library: Library, kind: str) -> None:
    model = library.model("text")

    @contextmanager
    def louder(network: nn.Module) -> Iterator[None]:
        block: Any = network.mid_block
        with block.register_forward_hook(lambda _layer, _given, output: output * 2):
            yield

    others: dict[str, dict[str, Any]] = {
        "control": {"controls": (Control(load_control(library.control(), CPU), torch.rand(1, 3, 32, 32), 1.0),)},
        "patching": {"patchings": (louder,)},
        "freeu": {"alterations": Alterations(freeu=FreeU(1.5, 1.6, 0.6, 0.2))},
    }  # fmt: skip
    plain, coarse_plain = _said(model), _said(model, eight_bits=True)
    changed, coarse = (_said(model, eight_bits=bits, **others[kind]) for bits in (False, True))
    assert 0 < abs(coarse - changed).mean() < abs(changed - plain).mean() / 3
    assert torch.equal(_said(model), plain)
    assert torch.equal(_said(model, eight_bits=True), coarse_plain)


@needs_vnni
def test_a_model_in_bfloat16_is_drawn_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = write_tiny(tmp_path / "tiny")
    exact = _said(load_model(checkpoint, CPU))
    monkeypatch.setattr(precision._OnProcessor, "dtype", torch.bfloat16)
    model = load_model(checkpoint, CPU)
    coarse = _said(model, eight_bits=True)
    assert model.dtype == torch.bfloat16
    assert not torch.equal(coarse, _said(model))
    assert 0 < abs(coarse - exact).mean() < abs(exact).mean() / 10


@needs_vnni
def test_sdxl_is_drawn_in_them(tmp_path: Path) -> None:
    model = load_model(write_tiny_xl(tmp_path / "xl"), CPU)
    pictures = []
    for bits in (False, True):
        rig = Rig(model)
        rig.finish(order(model.checkpoint, steps=4, eight_bits=bits, width=64, height=64))
        assert rig.ends() == {"job": "done"}, rig.error("job")
        pictures.append(rig.pictures("job")[0].astype(int))
    assert 0 < abs(pictures[1] - pictures[0]).mean() < 12


@pytest.fixture
def late(tmp_path: Path) -> LoadedModel:
    """A model of a file in half precision, none of which is opened."""
    return load_model(write_original(tmp_path / "a.safetensors", tiny_sd1(), torch.float16), CPU)


def _held(layer: nn.Module) -> Tensor | None:
    return layer.held if isinstance(layer, LateWeight) else None


def _said(model: LoadedModel, **fields: Any) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 16, 16, generator=generator)
    width = int(model.unet.config.cross_attention_dim)  # type: ignore[union-attr, arg-type]
    tokens = torch.randn(2, 77, width, generator=generator)
    answer = execute([Predict(model, x, 5.0, tokens, **fields)])[0]
    assert isinstance(answer, Tensor)
    return answer


@needs_vnni
def test_a_lora_is_drawn_with_and_goes_to_the_bit(late: LoadedModel, tmp_path: Path) -> None:
    before, exact = _said(late, eight_bits=True), _said(late)
    changed_layers = ("mid_block.attentions.0.proj_in", "mid_block.resnets.0.conv1", "to_q")
    tensors = {
        f"unet.{name}.diff": torch.ones(layer.weight.shape) / 20
        for name, layer in late.unet.named_modules()
        if isinstance(layer, (nn.Linear, nn.Conv2d)) and name.endswith(changed_layers)
    }
    assert len(tensors) > 4
    lora = load_lora(written(tmp_path / "lora.safetensors", tensors), CPU)
    assert any(place[0] == UNET for place in lora.changes)
    changed = _said(late, patches=((lora, 1.0),))
    coarse = _said(late, patches=((lora, 1.0),), eight_bits=True)
    assert abs(coarse - changed).mean() < abs(changed - exact).mean() / 4
    assert torch.equal(_said(late, eight_bits=True), before)
    assert torch.equal(_said(late), exact)


@needs_vnni
def test_weights_that_are_not_opened_come_as_a_quarter(late: LoadedModel) -> None:
    promised = sum(p.numel() * 4 for p in map(_held, late.unet.modules()) if p is not None)
    _said(late, eight_bits=True)
    closed = [m for m in late.unet.modules() if isinstance(m, LateWeight)]
    assert len(closed) > 20
    more = sum(map(eight_bits.eight_bit_bytes, late.unet.modules()))
    assert promised / 5 < more < promised / 3  # scales and zeros of small layers are much of them
    counted = network_bytes(late.unet)
    eight_bits.forget(late.unet)
    assert network_bytes(late.unet) == counted - more


def test_a_machine_that_cannot_says_so_and_draws_exactly(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = Rig(model)
    exact.finish(order(model.checkpoint))
    monkeypatch.setattr(eight_bits, "has_eight_bits", lambda: False)
    assert not can_count(model.unet)
    rig = Rig(model)
    rig.finish(order(model.checkpoint, eight_bits=True))
    assert np.array_equal(rig.pictures("job")[0], exact.pictures("job")[0])
    assert any("eight bits" in str(event) and "exact" in str(event) for event in rig.events)


def test_networks_that_are_no_unets_cannot() -> None:
    assert not can_count(nn.Linear(1, 1))
    assert not can_count(nn.Sequential(nn.Conv2d(1, 1, 1)))


def test_a_picture_says_it_and_the_text_brings_it_back() -> None:
    request = GenerationRequest(prompt="a boat", eight_bits=True)
    text = write_infotext(request, 1, "starter/text")
    assert "Eight bits: True" in text
    told = read_infotext(text)
    assert told is not None
    assert told.request.eight_bits
    assert "Eight bits" not in write_infotext(GenerationRequest(prompt="a boat"), 1, "starter/text")
