"""Layers that open their weight when it is needed compute what layers opened before compute, to the bit."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from webui.engine.adapters.dialects.full import Full
from webui.engine.adapters.lora import LoadedLora
from webui.engine.adapters.merging import MergedWeights
from webui.engine.packed.late import LateConv2d, LateLinear, converted_late, opened
from webui.engine.packed.on_processor import quicken
from webui.engine.shared_networks import network_bytes


def made(dtype: torch.dtype = torch.float16) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = nn.Sequential(
            nn.Conv2d(4, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.Linear(6, 5, bias=False)
        )
    return network.requires_grad_(False).to(dtype)


def at_once(dtype: torch.dtype = torch.float16) -> nn.Sequential:
    network = made(dtype).float()
    quicken(network)
    return network


def x() -> Tensor:
    return torch.randn(2, 4, 7, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_they_compute_the_same_to_the_bit_and_are_torchs_own_afterwards(dtype: torch.dtype) -> None:
    late, wanted = converted_late(made(dtype), torch.float32), at_once(dtype)
    kinds = [type(layer) for layer in late.children()]
    assert kinds == [LateConv2d, nn.GroupNorm, LateLinear]
    for _ in range(2):
        assert torch.equal(late(x()), wanted(x()))
    assert [type(layer) for layer in late.children()] == [
        type(other) for other in wanted.children()
    ]


def test_the_file_is_not_copied_before_and_the_memory_to_come_is_counted() -> None:
    plain: Any = made()
    where = [plain[0].weight.data_ptr(), plain[2].weight.data_ptr()]
    late: Any = converted_late(plain, torch.float32)
    assert [late[0].held.data_ptr(), late[2].held.data_ptr()] == where
    whole = network_bytes(at_once())
    assert network_bytes(late) == whole
    late(x())
    assert network_bytes(late) == whole


def test_what_is_in_full_precision_is_an_ordinary_layer() -> None:
    assert type(next(converted_late(made(torch.float32), torch.float32).children())) is nn.Conv2d


def test_whoever_asks_for_a_weight_gets_the_opened_one() -> None:
    late, wanted = converted_late(made(), torch.float32), made().float()
    assert torch.equal(late.state_dict()["0.weight"], wanted.state_dict()["0.weight"])
    second: Any = copy.deepcopy(converted_late(made(), torch.float32))
    assert torch.equal(second[2].weight, wanted.state_dict()["2.weight"])
    moved: Any = converted_late(made(), torch.float32).to(torch.bfloat16)
    assert moved[0].weight.dtype is torch.bfloat16


def test_a_weight_that_was_opened_for_a_picture_can_be_changed_afterwards() -> None:
    late: Any = converted_late(made(), torch.float32)
    with torch.inference_mode():
        late(x())
    late[2].weight.add_(1)
    assert not late[2].weight.is_inference()


def test_a_lora_opens_what_it_changes_alone_and_goes_to_the_bit() -> None:
    late: Any = converted_late(made(), torch.float32)
    wanted: Any = at_once()
    change = Full(torch.ones(5, 6))
    lora: Any = LoadedLora.__new__(LoadedLora)
    for name, value in {"changes": {("unet", "2"): change}, "key": object(), "blocks": ()}.items():
        object.__setattr__(lora, name, value)
    merged = MergedWeights()
    merged.use("unet", late, ((lora, 0.5),))
    assert isinstance(late[0], LateConv2d)
    assert torch.equal(late[2].weight, wanted[2].weight + 0.5)
    merged.use("unet", late, ())
    assert torch.equal(late(x()), wanted(x()))


def test_two_threads_may_come_upon_a_layer() -> None:
    wanted = at_once()(x())
    for _ in range(20):
        late = converted_late(made(), torch.float32)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(late, [x()] * 4))
        assert all(torch.equal(answer, wanted) for answer in answers)


def test_an_ordinary_layer_is_opened_already() -> None:
    layer = nn.Linear(2, 2)
    assert opened(layer) is layer
