"""A packed matrix stands for its numbers, and its rows can be taken apart."""

from __future__ import annotations

import torch

from tests.engine.packed.reference import packed_q8_0
from webui.engine.packed.weight import PackedWeight, rows_of, unpacked


def _packed() -> PackedWeight:
    weight = torch.randn(6, 32, generator=torch.Generator().manual_seed(1))
    raw = torch.frombuffer(bytearray(packed_q8_0(weight)), dtype=torch.uint8)
    return PackedWeight("Q8_0", raw.view(6, 34), (6, 32))


def test_rows_of_it_are_rows_of_what_it_stands_for() -> None:
    packed = _packed()
    assert torch.equal(unpacked(rows_of(packed, 2, 5)), unpacked(packed)[2:5])


def test_eight_bits_are_multiplied_by_their_scale() -> None:
    numbers = torch.tensor([[1.5, -2.0], [0.25, 448.0]])
    for dtype, kind in ((torch.float8_e4m3fn, "F8_E4M3"), (torch.float8_e5m2, "F8_E5M2")):
        stored = numbers.to(dtype)
        packed = PackedWeight(kind, stored.view(torch.uint8), (2, 2), 0.3)
        assert torch.equal(packed.unpacked(), stored.float() * 0.3)


def test_it_is_unpacked_into_the_precision_that_is_asked_for() -> None:
    assert _packed().unpacked(torch.float16).dtype is torch.float16
