"""Every packed type is unpacked to the numbers that the format describes, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.engine.packed.reference import READERS, packed_q8_0, reference
from webui.engine.packed.blocks import UNPACKERS, unpack
from webui.weights.gguf_file import BLOCKS

_HALVES = {
    "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,),
    "Q4_1": (0, 2), "Q5_1": (0, 2), "Q8_K": (),
}  # fmt: skip
"""Where a block has numbers in half precision; at its beginning where nothing is said."""


def _blocks(kind: str, count: int = 6) -> NDArray[np.uint8]:
    """Random bytes with finite scales."""
    draw = np.random.default_rng(len(kind) + BLOCKS[kind][1])
    raw = draw.integers(0, 256, (count, BLOCKS[kind][1]), dtype=np.uint8)
    for at in _HALVES.get(kind, (0,)):
        raw[:, at : at + 2] = draw.normal(size=(count, 1)).astype("<f2").view(np.uint8)
    if kind == "Q8_K":
        raw[:, :4] = draw.normal(size=(count, 1)).astype("<f4").view(np.uint8)
    return raw


@pytest.mark.parametrize("kind", READERS)
def test_numbers_are_those_of_the_format(kind: str) -> None:
    raw = _blocks(kind)
    expected = np.array([reference(block.tobytes(), kind) for block in raw])
    found = unpack(torch.from_numpy(raw), kind).numpy()
    assert found.dtype == np.float32
    assert np.isfinite(expected).all()
    assert np.array_equal(found, expected)


def test_every_packed_type_of_the_header_can_be_unpacked() -> None:
    packed = {kind for kind, (numbers, _) in BLOCKS.items() if numbers > 1}
    assert packed == set(UNPACKERS)


def test_what_is_packed_comes_back_within_half_a_step() -> None:
    weight = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    raw = torch.frombuffer(bytearray(packed_q8_0(weight)), dtype=torch.uint8).view(-1, 34)
    found = unpack(raw, "Q8_0").view_as(weight)
    assert (found - weight).abs().max() <= weight.abs().max() / 127 * 0.51
