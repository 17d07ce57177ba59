"""Noise of a picture from its own seed: the same on any device, in any batch.

The numbers are those that `torch.randn` draws on a CUDA device (the counter-based generator
Philox4x32-10 of Salmon et al. 2011, then Box-Muller), computed with numpy. AUTOMATIC1111 calls
this source 'NV'. Each draw is a function of seed, number of the draw and place alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Words = NDArray[np.uint64]

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ROUNDS = 10


class NoiseStream:
    """Standard normal draws of one picture; the n-th draw is the same whatever else is drawn."""

    def __init__(
        self,
        seed: int,
        shape: Sequence[int],
        device: torch.device,
        first_draw: int = 0,
        variation: tuple[int, float] | None = None,
    ) -> None:
        """`variation` is another seed and how much of its noise the first draw has, 0 to 1."""
        self._seed = seed
        self._variation = variation
        self._shape = tuple(shape)
        self._device = device
        self._draws = first_draw

    def __call__(self) -> Tensor:
        """The next draw, float32."""
        count = math.prod(self._shape)
        values = philox_normal(self._seed, self._draws, count)
        if self._variation is not None:
            seed, strength = self._variation
            values = slerp(values, philox_normal(seed, self._draws, count), strength)
            self._variation = None
        self._draws += 1
        return torch.from_numpy(values).reshape(self._shape).to(self._device)


def slerp(
    start: NDArray[np.float32], end: NDArray[np.float32], share: float
) -> NDArray[np.float32]:
    """Between two noises along the sphere they lie on, so that the size of noise is kept.

    Shoemake 1985. Nearly parallel ones, between which the sphere is flat, are mixed straight.
    """
    lengths = float(np.linalg.norm(start)) * float(np.linalg.norm(end))
    cosine = float(np.dot(start.astype(np.float64), end)) / lengths
    if cosine > 0.9995:
        return np.asarray(start + (end - start) * np.float32(share), np.float32)
    angle = math.acos(max(-1.0, cosine))
    weights = [math.sin((1 - share) * angle), math.sin(share * angle)]
    mixed = (weights[0] * start + weights[1] * end) / math.sin(angle)
    return np.asarray(mixed, np.float32)


def philox_normal(seed: int, draw: int, count: int) -> NDArray[np.float32]:
    """`count` standard normal values of the draw-th draw of a seed."""
    zeros = np.zeros(count, np.uint64)
    counter = (zeros + np.uint64(draw), zeros, np.arange(count, dtype=np.uint64), zeros)
    first, second, _, _ = philox(counter, (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF))
    # In double precision, so that the last bit does not depend on the machine's libm.
    u = (first + 0.5) * 2.0**-32
    v = (second + 0.5) * (2.0**-32 * 2.0 * math.pi)
    values: NDArray[np.float64] = np.sqrt(-2.0 * np.log(u)) * np.sin(v)
    return values.astype(np.float32)


def philox(
    counter: tuple[Words, Words, Words, Words], key: tuple[int, int]
) -> tuple[Words, Words, Words, Words]:
    """Philox4x32-10: four 32-bit words per place, held in 64 bits."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            p1 & _MASK,
            (p0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            p0 & _MASK,
        )
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return c0, c1, c2, c3
