"""Blocks of GGUF unpacked number by number, as the format describes them, and packed for tests.

Apart from what it checks: plain loops over one block of bytes, in numpy's float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

Number = np.float32
LEVELS = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)


def reference(block: bytes, kind: str) -> list[np.float32]:
    """The numbers of one block."""
    return list(READERS[kind](block))


def packed_q8_0(weight: Tensor) -> bytes:
    """A tensor as Q8_0: 32 numbers by 32, each in 127ths of the largest."""
    rows = weight.float().reshape(-1, 32)
    scale = (rows.abs().amax(1, keepdim=True) / 127).half()
    numbers = (rows / scale.float().clamp(min=1e-8)).round().clamp(-127, 127).to(torch.int8)
    return torch.cat((scale.view(torch.uint8), numbers.view(torch.uint8)), 1).numpy().tobytes()


def _half(block: bytes, at: int) -> np.float32:
    return Number(np.frombuffer(block[at : at + 2], "<f2")[0])


def _halves_of(block: bytes, at: int) -> list[int]:
    """Sixteen lower halves of bytes, then the upper ones."""
    return [b & 15 for b in block[at : at + 16]] + [b >> 4 for b in block[at : at + 16]]


def _q4_0(block: bytes) -> Iterator[np.float32]:
    return (Number(q - 8) * _half(block, 0) for q in _halves_of(block, 2))


def _q4_1(block: bytes) -> Iterator[np.float32]:
    return (Number(q) * _half(block, 0) + _half(block, 2) for q in _halves_of(block, 4))


def _fifths(block: bytes, at: int) -> list[int]:
    bits = int.from_bytes(block[at : at + 4], "little")
    return [q | (bits >> i & 1) << 4 for i, q in enumerate(_halves_of(block, at + 4))]


def _q5_0(block: bytes) -> Iterator[np.float32]:
    return (Number(q - 16) * _half(block, 0) for q in _fifths(block, 2))


def _q5_1(block: bytes) -> Iterator[np.float32]:
    return (Number(q) * _half(block, 0) + _half(block, 2) for q in _fifths(block, 4))


def _q8_0(block: bytes) -> Iterator[np.float32]:
    return (Number(q) * _half(block, 0) for q in np.frombuffer(block[2:], np.int8))


def _q8_k(block: bytes) -> Iterator[np.float32]:
    scale = np.frombuffer(block[:4], "<f4")[0]
    return (Number(q) * scale for q in np.frombuffer(block[4:260], np.int8))


def _q2_k(block: bytes) -> Iterator[np.float32]:
    for i in range(256):
        half, shift, at = i // 128, i % 128 // 32 * 2, i % 32
        part = block[i // 16]
        number = block[16 + 32 * half + at] >> shift & 3
        scale, least = _half(block, 80) * Number(part & 15), _half(block, 82) * Number(part >> 4)
        yield scale * Number(number) - least


def _q3_k(block: bytes) -> Iterator[np.float32]:
    packed = block[96:108]
    for i in range(256):
        half, shift, at, part = i // 128, i % 128 // 32 * 2, i % 32, i // 16
        low = packed[part] & 15 if part < 8 else packed[part - 8] >> 4
        scale = (low | (packed[8 + part % 4] >> 2 * (part // 4) & 3) << 4) - 32
        number = block[32 + 32 * half + at] >> shift & 3
        if not block[at] >> i // 32 & 1:
            number -= 4
        yield _half(block, 108) * Number(scale) * Number(number)


def _scale_and_least(packed: bytes, part: int) -> tuple[int, int]:
    if part < 4:
        return packed[part] & 63, packed[part + 4] & 63
    scale = packed[part + 4] & 15 | packed[part - 4] >> 6 << 4
    return scale, packed[part + 4] >> 4 | packed[part] >> 6 << 4


def _k_with_least(block: bytes, numbers: list[int]) -> Iterator[np.float32]:
    for i, number in enumerate(numbers):
        scale, least = _scale_and_least(block[4:16], i // 32)
        yield _half(block, 0) * Number(scale) * Number(number) - _half(block, 2) * Number(least)


def _q4_k(block: bytes) -> Iterator[np.float32]:
    return _k_with_least(
        block, [block[16 + i // 64 * 32 + i % 32] >> i % 64 // 32 * 4 & 15 for i in range(256)]
    )


def _q5_k(block: bytes) -> Iterator[np.float32]:
    low = [block[48 + i // 64 * 32 + i % 32] >> i % 64 // 32 * 4 & 15 for i in range(256)]
    return _k_with_least(
        block, [q | (block[16 + i % 32] >> i // 32 & 1) << 4 for i, q in enumerate(low)]
    )


def _q6_k(block: bytes) -> Iterator[np.float32]:
    scales = np.frombuffer(block[192:208], np.int8)
    for i in range(256):
        half, within = i // 128, i % 128
        low = block[64 * half + within % 64] >> within // 64 * 4 & 15
        high = block[128 + 32 * half + i % 32] >> within // 32 * 2 & 3
        yield _half(block, 208) * Number(scales[i // 16]) * Number((low | high << 4) - 32)


def _iq4_nl(block: bytes) -> Iterator[np.float32]:
    return (Number(LEVELS[q]) * _half(block, 0) for q in _halves_of(block, 2))


def _iq4_xs(block: bytes) -> Iterator[np.float32]:
    upper = int.from_bytes(block[2:4], "little")
    for part in range(8):
        low = block[4 + part // 2] >> part % 2 * 4 & 15
        scale = _half(block, 0) * Number((low | (upper >> 2 * part & 3) << 4) - 32)
        for q in _halves_of(block, 8 + 16 * part):
            yield scale * Number(LEVELS[q])


READERS: dict[str, Callable[[bytes], Iterator[np.float32]]] = {
    "Q4_0": _q4_0, "Q4_1": _q4_1, "Q5_0": _q5_0, "Q5_1": _q5_1, "Q8_0": _q8_0, "Q8_K": _q8_k,
    "Q2_K": _q2_k, "Q3_K": _q3_k, "Q4_K": _q4_k, "Q5_K": _q5_k, "Q6_K": _q6_k,
    "IQ4_NL": _iq4_nl, "IQ4_XS": _iq4_xs,
}  # fmt: skip
