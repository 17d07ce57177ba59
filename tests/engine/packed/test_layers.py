"""Layers of packed weights compute what layers of the unpacked ones compute."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.engine.packed.reference import packed_q8_0
from webui.engine.families.parts import ready
from webui.engine.packed.layers import PackedConv2d, PackedLinear, Room, fill, lighten
from webui.engine.packed.weight import PackedWeight
from webui.engine.shared_networks import Place, network_bytes


def _packed(rows: int, columns: int, seed: int = 0) -> PackedWeight:
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    raw = torch.frombuffer(bytearray(packed_q8_0(weight)), dtype=torch.uint8)
    return PackedWeight("Q8_0", raw.view(rows, -1), (rows, columns))


def _network() -> nn.Sequential:
    with torch.device("meta"):
        return nn.Sequential(nn.Linear(32, 8), nn.Conv2d(32, 2, 1), nn.Linear(64, 4, bias=False))


def _filled() -> tuple[nn.Sequential, dict[str, PackedWeight]]:
    packed = {"0.weight": _packed(8, 32), "2.weight": _packed(4, 64)}
    conv = PackedWeight("Q8_0", _packed(2, 32).rows, (2, 32, 1, 1))
    network = _network()
    plain = {"0.bias": torch.arange(8.0), "1.bias": torch.zeros(2)}
    fill(network, {**packed, **plain, "1.weight": conv})
    return network, packed


def test_a_linear_layer_stays_packed_and_computes_the_same() -> None:
    network, packed = _filled()
    x = torch.randn(3, 32)
    assert isinstance(network[0], PackedLinear)
    assert torch.equal(
        network[0](x), functional.linear(x, packed["0.weight"].unpacked(), torch.arange(8.0))
    )
    held = sum(w.nbytes for w in (*network[0].parameters(), *network[0].buffers()))
    assert held == 8 * 34 + 8 * 4


def test_other_layers_are_unpacked() -> None:
    network, _ = _filled()
    assert type(network[1]) is nn.Conv2d
    assert network[1].weight.dtype is torch.float32


def test_its_rows_stay_bytes_when_the_network_changes_its_precision() -> None:
    network, packed = _filled()
    network.to(torch.bfloat16)
    assert network[0](torch.ones(1, 32, dtype=torch.bfloat16)).dtype is torch.bfloat16
    layer = network[2]
    assert isinstance(layer, PackedLinear)
    assert torch.equal(layer.file_weight(), packed["2.weight"].unpacked())


def test_another_weight_is_used_until_the_files_is_restored() -> None:
    network, packed = _filled()
    layer = network[2]
    assert isinstance(layer, PackedLinear)
    layer.put(torch.zeros(4, 64))
    assert not layer(torch.ones(1, 64)).any()
    assert torch.equal(layer.file_weight(), packed["2.weight"].unpacked())
    layer.restore()
    assert torch.equal(layer.weight, packed["2.weight"].unpacked())


@pytest.mark.parametrize(("name", "rows"), [("3.weight", 8), ("0.weight", 9)])
def test_a_weight_of_no_layer_or_of_another_shape_is_an_error(name: str, rows: int) -> None:
    with pytest.raises(RuntimeError, match=name.replace(".", r"\.")):
        fill(_network(), {name: _packed(rows, 32)})


def _halves() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        made = nn.Sequential(
            nn.Conv2d(4, 8, 1), nn.Conv2d(8, 4, 3, padding=1), nn.Linear(6, 5, bias=False)
        )
    return made.requires_grad_(False).half()


def test_layers_for_which_there_is_no_room_stay_where_they_are_and_are_copied_at_each_use() -> None:
    network = _halves()
    before = network_bytes(network)
    place = Place(torch.device("meta"), lean=True, room=Room(4 * 8 * 2))
    moved = ready(network, place, torch.float16)
    first, second, third = moved
    assert type(first) is nn.Conv2d
    assert (type(second), type(third)) == (PackedConv2d, PackedLinear)
    assert first.weight.device.type == second.bias.device.type == "meta"
    assert second.rows.device.type == third.rows.device.type == "cpu"
    assert network_bytes(moved) == before - second.rows.nbytes - third.rows.nbytes
    answer = moved(torch.empty(1, 4, 5, 6, dtype=torch.float16, device="meta"))
    assert (answer.device.type, answer.dtype, answer.shape) == ("meta", torch.float16, (1, 4, 5, 5))


def test_layers_that_stay_compute_the_same() -> None:
    x = torch.randn(1, 4, 5, 6, generator=torch.Generator().manual_seed(0)).half()
    network, plain = _halves(), _halves()
    lighten(network, Room(0))
    assert all(isinstance(layer, PackedConv2d | PackedLinear) for layer in network)
    assert torch.equal(network(x), plain(x))


def test_packed_layers_stay_where_there_is_no_room_for_them() -> None:
    network, packed = _filled()
    lighten(network, Room(packed["0.weight"].rows.nbytes))
    network.to("meta")
    assert [network[i].rows.device.type for i in (0, 2)] == ["meta", "cpu"]


def test_what_is_put_in_the_place_of_a_weight_that_stays_is_used_and_taken_away() -> None:
    network = _halves()
    lighten(network, Room(0))
    layer = network[2]
    assert isinstance(layer, PackedLinear)
    x, before = torch.ones(1, 6, dtype=torch.float16), layer.file_weight()
    layer.put(before + 1)
    assert torch.allclose(layer(x), functional.linear(x, (before + 1).half()))
    layer.restore()
    assert torch.equal(layer(x), functional.linear(x, before.half()))
