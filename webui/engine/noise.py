"""Noise of a picture from its own seed: the same on any device, in any batch.

Two sources. Philox gives the numbers that `torch.randn` draws on a CUDA device (the counter-based
generator Philox4x32-10 of Salmon et al. 2011, then Box-Muller), computed with numpy; AUTOMATIC1111
calls it 'NV'. CPU gives those that `torch.randn` draws on a processor. Each draw is a function of
seed, number of the draw and place alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from webui.contracts.parameters.noise import CPU, PHILOX
from webui.engine.brownian import BrownianPath

Words = NDArray[np.uint64]
Values = NDArray[np.float32]
Source = Callable[[int], Values]
"""(number of values) -> the next draw of a seed."""

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ROUNDS = 10
_TINY = 1e-300
NEARLY_EQUAL = 0.9995
"""Mean cosine between columns above which noises are mixed straight."""
FLAT = 1e-6
"""Sine of the angle below which a column alone is: of a latent of one row each is."""


@dataclass(frozen=True)
class NoisePlan:
    """What a picture's noise is drawn from."""

    seed: int
    source: str = PHILOX
    """'Philox' or 'CPU'."""
    variation: tuple[int, float] | None = None
    """Another seed and how much of its noise the first draw has, 0 to 1."""
    resized_from: tuple[int, int] | None = None
    """Rows and columns of the latent whose first draw lies in the middle of this one's."""
    later_seed_delta: int = 0
    """Added to the seed for all draws after the first (AUTOMATIC1111's ENSD)."""


class NoiseStream:
    """Standard normal draws of one picture; the n-th draw is the same whatever else is drawn."""

    def __init__(
        self,
        plan: NoisePlan | int,
        shape: Sequence[int],
        device: torch.device,
        first_draw: int = 0,
    ) -> None:
        """`shape` is (1, C, h, w); a bare seed is the plan of everything else left alone."""
        self._plan = NoisePlan(plan) if isinstance(plan, int) else plan
        self._shape = tuple(shape)
        self._device = device
        self._source = source_of(self._plan.source, self._plan.seed, first_draw)
        self._is_first = True
        self._path: BrownianPath | None = None

    def __call__(self, between: tuple[float, float] | None = None) -> Tensor:
        """The next draw, float32; or of a Brownian path its increment between two noise levels.

        The increment is brought to unit variance. It is a function of the seed and the two levels, so
        runs of different steps share one path (SDE solvers).
        """
        if between is not None:
            if self._path is None:
                plan = self._plan
                self._path = BrownianPath(plan.seed + plan.later_seed_delta, self._shape)
            values = self._path.increment(*between)
        elif self._is_first:
            values = self._first()
            self._is_first = False
            if self._plan.later_seed_delta:
                seed = self._plan.seed + self._plan.later_seed_delta
                self._source = source_of(self._plan.source, seed, 0)
        else:
            values = self._source(math.prod(self._shape))
        return torch.from_numpy(values).reshape(self._shape).to(self._device)

    def _first(self) -> Values:
        plan = self._plan
        if plan.resized_from is None or plan.resized_from == self._shape[-2:]:
            return self._mixed(self._source, self._shape)
        small = (*self._shape[:-2], *plan.resized_from)
        inner = self._mixed(source_of(plan.source, plan.seed, 0), small).reshape(small)
        whole = self._source(math.prod(self._shape)).reshape(self._shape).copy()
        paste_centred(whole, inner)
        return whole.reshape(-1)

    def _mixed(self, source: Source, shape: Sequence[int]) -> Values:
        """A draw with that of the variation seed mixed in, flat."""
        values = source(math.prod(shape))
        if self._plan.variation is None:
            return values
        seed, strength = self._plan.variation
        if strength == 0:
            return values
        other = source_of(self._plan.source, seed, 0)(values.size)
        return slerp(values.reshape(shape), other.reshape(shape), strength).reshape(-1)


def source_of(name: str, seed: int, first_draw: int) -> Source:
    """The draws of a seed, from the n-th on.

    Raises:
        ValueError: no source has this name.
    """
    if name == PHILOX:
        draws = iter(range(first_draw, 2**32))
        return lambda count: philox_normal(seed, next(draws), count)
    if name == CPU:
        generator = torch.Generator().manual_seed(seed + first_draw)
        return lambda count: torch.randn(count, generator=generator).numpy()
    raise ValueError(f"No source of noise is called {name!r}; expected {PHILOX!r} or {CPU!r}.")


def paste_centred(whole: Values, inner: Values) -> None:
    """Lay `inner` (..., h, w) into the middle of `whole` (..., H, W), cut where it is larger."""
    rows, columns = (_overlap(whole.shape[i], inner.shape[i]) for i in (-2, -1))
    whole[..., rows[0], columns[0]] = inner[..., rows[1], columns[1]]


def _overlap(whole: int, inner: int) -> tuple[slice, slice]:
    """Where the middle of one length is in the other, in both.

    Halves round towards nothing for a wider whole and away from it for a narrower one's cut, as
    AUTOMATIC1111 has it.
    """
    offset = (whole - inner) // 2
    length = inner if offset >= 0 else inner + 2 * offset
    at, cut = max(offset, 0), max(-offset, 0)
    return slice(at, at + length), slice(cut, cut + length)


def slerp(start: Values, end: Values, share: float) -> Values:
    """Between two noises (..., h, w) along the spheres that their columns lie on, so that the size of noise is kept.

    Shoemake 1985, each column of each channel by its own angle: AUTOMATIC1111 normalises the second axis of one
    picture's noise (C, h, w), and its variations are these. Noises that are all but equal are mixed straight; it
    gives the share to the start there, which is kept.
    """
    low, high = start.astype(np.float64), end.astype(np.float64)
    lengths = np.linalg.norm(low, axis=-2) * np.linalg.norm(high, axis=-2)  # (..., w)
    cosine = np.sum(low * high, axis=-2) / np.maximum(lengths, _TINY)
    if float(cosine.mean()) > NEARLY_EQUAL:
        return np.asarray(start * share + end * (1 - share), np.float32)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))[..., None, :]
    sine = np.maximum(np.sin(angle), _TINY)
    mixed = np.sin((1 - share) * angle) / sine * start + np.sin(share * angle) / sine * end
    return np.asarray(np.where(sine > FLAT, mixed, start * (1 - share) + end * share), np.float32)


def philox_normal(seed: int, draw: int, count: int) -> Values:
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
