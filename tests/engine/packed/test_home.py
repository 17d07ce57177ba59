"""Weights come to a device and leave it as they were, and nothing of them stays there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.engine.packed.test_late import at_once, made, x
from webui.engine.packed.home import ClosedHome, CopiedHome
from webui.engine.packed.late import LateWeight
from webui.engine.packed.layers import fill
from webui.engine.packed.weight import PackedWeight
from webui.engine.weights import open_weights

META, CPU = torch.device("meta"), torch.device("cpu")


def _mapped(path: Path) -> Any:
    """Two tables that are one, a convolution and a buffer, over their file."""
    network: Any = nn.ModuleDict(
        {"a": nn.Embedding(4, 3), "b": nn.Embedding(4, 3), "c": nn.Conv2d(2, 2, 3)}
    )
    network.register_buffer("places", torch.arange(4.0))
    weights = {n: t.clone() for n, t in network.state_dict().items() if n != "b.weight"}
    save_file(weights, path)
    mapped = open_weights(path)
    network.load_state_dict({**mapped, "b.weight": mapped["a.weight"]}, assign=True)
    network["b"].weight = network["a"].weight
    return network.requires_grad_(False)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def test_copies_come_and_what_is_left_is_the_mapped_file(tmp_path: Path) -> None:
    network = _mapped(tmp_path / "a.safetensors")
    home = CopiedHome(network, META)
    where = [tensor.data_ptr() for tensor in _tensors(network)]
    assert home.bytes == sum(tensor.nbytes for tensor in _tensors(network))
    for _ in range(2):
        home.come()
        assert all(tensor.is_meta for tensor in _tensors(network))
        assert network["a"].weight is network["b"].weight
        home.leave()
        assert [tensor.data_ptr() for tensor in _tensors(network)] == where


def test_what_comes_is_the_same_to_the_bit_and_may_be_changed(tmp_path: Path) -> None:
    network = _mapped(tmp_path / "a.safetensors")
    wanted = [tensor.clone() for tensor in _tensors(network)]
    home = CopiedHome(network, CPU)
    with torch.inference_mode():
        home.come()
    assert all(map(torch.equal, _tensors(network), wanted))
    network["c"].weight.add_(1)
    assert network["c"].weight.is_contiguous(memory_format=torch.channels_last)


def test_packed_rows_come_too() -> None:
    with META:
        network = nn.Sequential(nn.Linear(32, 8))
    rows = torch.arange(8 * 34, dtype=torch.uint8).view(8, 34)
    packed = PackedWeight("Q8_0", rows, (8, 32))
    fill(network, {"0.weight": packed, "0.bias": torch.zeros(8)})
    layer: Any = network[0]
    home = CopiedHome(network, META)
    assert home.bytes == 8 * 34 + 8 * 4
    home.come()
    assert layer.rows.is_meta
    home.leave()
    assert torch.equal(layer.rows, rows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a device that is not there")
def test_where_it_cannot_come_nothing_has_moved(tmp_path: Path) -> None:
    network = _mapped(tmp_path / "a.safetensors")
    where = [tensor.data_ptr() for tensor in _tensors(network)]
    with pytest.raises((RuntimeError, AssertionError)):
        CopiedHome(network, torch.device("cuda")).come()
    assert [tensor.data_ptr() for tensor in _tensors(network)] == where


def test_a_home_keeps_no_network_alive(tmp_path: Path) -> None:
    network = _mapped(tmp_path / "a.safetensors")
    homes: tuple[CopiedHome, ClosedHome] = (
        CopiedHome(network, META),
        ClosedHome(network, torch.float32),
    )
    del network
    for home in homes:
        home.leave()
        assert home._network() is None


def test_layers_that_were_opened_are_closed_and_open_to_the_same_bits() -> None:
    late: Any = made()
    held = [late[0].weight.data_ptr(), late[2].weight.data_ptr()]
    home = ClosedHome(late, torch.float32)
    wanted = at_once()(x())
    assert home.bytes == 4 * sum(late[i].held.numel() for i in (0, 2))
    for _ in range(2):
        home.come()
        assert torch.equal(late(x()), wanted)
        assert not any(isinstance(layer, LateWeight) for layer in late)
        home.leave()
        home.leave()
        assert [late[0].held.data_ptr(), late[2].held.data_ptr()] == held
        assert all(isinstance(late[i], LateWeight) for i in (0, 2))
        assert "_now" not in vars(late[0])
        assert "weight" not in dict(late.named_parameters())


def test_tables_of_words_are_opened_when_they_come_and_one_table_stays_one() -> None:
    network: Any = nn.ModuleDict({"a": nn.Embedding(4, 3), "b": nn.Embedding(4, 3)})
    network["b"].weight = network["a"].weight
    network.half().requires_grad_(False)
    half = network["a"].weight
    home = ClosedHome(network, torch.float32)
    assert network["a"].weight is half
    assert home.bytes == 4 * 3 * 4
    for _ in range(2):
        home.come()
        assert network["a"].weight is network["b"].weight
        assert torch.equal(network["a"].weight, half.float())
        network["a"].weight.add_(1)
        home.leave()
        assert network["a"].weight is network["b"].weight is half
