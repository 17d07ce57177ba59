"""Blocks of GGUF as numbers, for every type that models are packed in.

A block is some bytes for 32 or 256 numbers: one or two scales in half precision, small whole numbers, and, in the
types with K, scales of its sixteenths or eighths that are packed themselves. Written from the structures and the
arithmetic of ggml (github.com/ggml-org/ggml, ggml-quants.c); products are taken in the same order, in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from webui.weights.gguf_file import BLOCKS

LEVELS = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
"""What the sixteen numbers of the IQ4 types stand for."""


def unpack(raw: Tensor, kind: str) -> Tensor:
    """The numbers of some blocks.

    Args:
        raw: (B, bytes of a block), uint8.
        kind: A key of `UNPACKERS`.

    Returns:
        (B, numbers of a block), float32.
    """
    numbers: Tensor = UNPACKERS[kind](raw)
    return numbers.reshape(len(raw), BLOCKS[kind][0])


def _half(raw: Tensor, at: int) -> Tensor:
    """(B, 1): the number in half precision at a byte."""
    return raw[:, at : at + 2].contiguous().view(torch.float16).float()


def _nibbles(packed: Tensor) -> Tensor:
    """(..., 2 n) of (..., n): all lower halves of the bytes, then all upper ones."""
    return torch.cat((packed & 15, packed >> 4), -1)


def _bits(packed: Tensor) -> Tensor:
    """(B, 32) of (B, 4): the bits of a 32-bit number, the lowest first."""
    places = torch.arange(8, device=packed.device, dtype=torch.uint8)
    return ((packed[:, :, None] >> places) & 1).flatten(1)


def _twos(packed: Tensor) -> Tensor:
    """(..., 4, n) of (..., n): the bytes' pairs of bits, the lowest first."""
    return torch.stack([(packed >> shift) & 3 for shift in (0, 2, 4, 6)], -2)


def _q4_0(raw: Tensor) -> Tensor:
    return (_nibbles(raw[:, 2:]).float() - 8) * _half(raw, 0)


def _q4_1(raw: Tensor) -> Tensor:
    return _nibbles(raw[:, 4:]).float() * _half(raw, 0) + _half(raw, 2)


def _q5_0(raw: Tensor) -> Tensor:
    numbers = _nibbles(raw[:, 6:]) | (_bits(raw[:, 2:6]) << 4)
    return (numbers.float() - 16) * _half(raw, 0)


def _q5_1(raw: Tensor) -> Tensor:
    numbers = _nibbles(raw[:, 8:]) | (_bits(raw[:, 4:8]) << 4)
    return numbers.float() * _half(raw, 0) + _half(raw, 2)


def _q8_0(raw: Tensor) -> Tensor:
    return raw[:, 2:].contiguous().view(torch.int8).float() * _half(raw, 0)


def _q8_k(raw: Tensor) -> Tensor:
    scale = raw[:, :4].contiguous().view(torch.float32)
    return raw[:, 4:260].contiguous().view(torch.int8).float() * scale


def _q2_k(raw: Tensor) -> Tensor:
    """Sixteen parts of sixteen; a byte has the scale of one (below) and of its least number (above)."""
    scales = raw[:, :16]
    numbers = _twos(raw[:, 16:80].reshape(-1, 2, 32)).reshape(-1, 16, 16)
    scale = _half(raw, 80) * (scales & 15).float()
    least = _half(raw, 82) * (scales >> 4).float()
    return scale[:, :, None] * numbers.float() - least[:, :, None]


def _q3_k(raw: Tensor) -> Tensor:
    """Sixteen parts of sixteen; the third bit of a number lies apart, and so do two of each scale's six."""
    thirds = torch.stack([(raw[:, :32] >> bit) & 1 for bit in range(8)], 1)  # (B, 8, 32)
    numbers = _twos(raw[:, 32:96].reshape(-1, 2, 32)).reshape(-1, 8, 32) | (thirds << 2)
    packed = raw[:, 96:108]
    upper = _twos(packed[:, 8:]).flatten(1)
    scales = (_nibbles(packed[:, :8]) | (upper << 4)).float() - 32
    scale = _half(raw, 108) * scales
    return scale[:, :, None] * (numbers.reshape(-1, 16, 16).float() - 4)


def _eighths(packed: Tensor) -> tuple[Tensor, Tensor]:
    """Scales and least numbers of eight parts, (B, 8) each, of the twelve bytes that they are packed in."""
    first, second, rest = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scales = torch.cat((first & 63, (rest & 15) | ((first >> 6) << 4)), 1)
    least = torch.cat((second & 63, (rest >> 4) | ((second >> 6) << 4)), 1)
    return scales, least


def _q4_k(raw: Tensor) -> Tensor:
    scales, least = _eighths(raw[:, 4:16])
    numbers = _nibbles(raw[:, 16:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    return _of_eighths(raw, numbers, scales, least)


def _q5_k(raw: Tensor) -> Tensor:
    scales, least = _eighths(raw[:, 4:16])
    fifths = torch.stack([(raw[:, 16:48] >> bit) & 1 for bit in range(8)], 1)  # (B, 8, 32)
    numbers = _nibbles(raw[:, 48:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    return _of_eighths(raw, numbers | (fifths << 4), scales, least)


def _of_eighths(raw: Tensor, numbers: Tensor, scales: Tensor, least: Tensor) -> Tensor:
    scale = _half(raw, 0) * scales.float()
    offset = _half(raw, 2) * least.float()
    return scale[:, :, None] * numbers.float() - offset[:, :, None]


def _q6_k(raw: Tensor) -> Tensor:
    """Sixteen parts of sixteen; the two upper bits of a number lie apart."""
    lower = _nibbles(raw[:, :128].reshape(-1, 2, 64)).reshape(-1, 8, 32)
    upper = _twos(raw[:, 128:192].reshape(-1, 2, 32)).reshape(-1, 8, 32)
    numbers = (lower | (upper << 4)).reshape(-1, 16, 16).float() - 32
    scales = raw[:, 192:208].contiguous().view(torch.int8).float()
    return (_half(raw, 208) * scales)[:, :, None] * numbers


def _iq4_nl(raw: Tensor) -> Tensor:
    return _levels(_nibbles(raw[:, 2:])) * _half(raw, 0)


def _iq4_xs(raw: Tensor) -> Tensor:
    """Eight parts of 32; two bits of each scale's six lie apart."""
    lower = torch.stack((raw[:, 4:8] & 15, raw[:, 4:8] >> 4), -1).flatten(1)  # (B, 8)
    upper = _twos(raw[:, 2:4]).mT.flatten(1)
    scale = _half(raw, 0) * ((lower | (upper << 4)).float() - 32)
    numbers = _levels(_nibbles(raw[:, 8:].reshape(-1, 8, 16)))
    return scale[:, :, None] * numbers


def _levels(numbers: Tensor) -> Tensor:
    table = torch.tensor(LEVELS, dtype=torch.float32, device=numbers.device)
    return table[numbers.int()]


UNPACKERS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "Q4_0": _q4_0, "Q4_1": _q4_1, "Q5_0": _q5_0, "Q5_1": _q5_1, "Q8_0": _q8_0, "Q8_K": _q8_k,
    "Q2_K": _q2_k, "Q3_K": _q3_k, "Q4_K": _q4_k, "Q5_K": _q5_k, "Q6_K": _q6_k,
    "IQ4_NL": _iq4_nl, "IQ4_XS": _iq4_xs,
}  # fmt: skip
"""By GGUF's name of the type."""
