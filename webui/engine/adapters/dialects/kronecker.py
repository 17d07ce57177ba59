"""LoKr (Yeh et al. 2023, LyCORIS): the Kronecker product of a small matrix and a low-rank one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from webui.engine.adapters.dialects.change import Pieces, on
from webui.engine.adapters.dialects.tucker import product

Factors = tuple[Tensor, ...]
"""A matrix as it is; or two factors of it; or two factors and a core."""
Span = tuple[int, int]
"""Rows from one up to, not including, another."""
ROWS = "rows"
"""A piece that `fused` adds where a place is some rows of the layer that a file changes: (spans, 2)."""


@dataclass(frozen=True, eq=False)
class Kronecker:
    """kron(w1, w2) * alpha / r."""

    first: Factors
    second: Factors
    scale: float
    spans: tuple[Span, ...] = ()
    """Rows of the product that are meant, one span behind the other; none: all of them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes, its kernel laid into its inputs."""
        (a, b), (c, d) = _size(self.first), _size(self.second)
        return sum(end - begin for begin, end in self.spans) or a * c, b * d

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        one, two = (_whole(on(weight, *f)).flatten(1) for f in (self.first, self.second))
        spans = self.spans or ((0, len(one) * len(two)),)
        rows = torch.cat([_rows_of(one, two.contiguous(), *span) for span in spans])
        return rows.reshape(weight.shape) * self.scale

    def first_ranks(self, rank: int) -> Kronecker:  # noqa: ARG002 - its ranks are mixed
        """Itself, as in AUTOMATIC1111."""
        return self


def read(pieces: Pieces) -> Kronecker:
    """From lokr_w1, or lokr_w1_a and lokr_w1_b, and the same of lokr_w2, maybe with lokr_t2; `rows` of it.

    Raises:
        ValueError: one is missing.
    """
    first, second = _factors(pieces, "lokr_w1", None), _factors(pieces, "lokr_w2", "lokr_t2")
    low = [factors[1].shape[0] for factors in (first, second) if len(factors) > 1]
    # Of two whole matrices LyCORIS writes an alpha that means nothing.
    spans = (
        tuple((int(a), int(b)) for a, b in pieces.tensors[ROWS]) if ROWS in pieces.tensors else ()
    )
    return Kronecker(first, second, pieces.scale(low[0]) if low else 1.0, spans)


def _rows_of(one: Tensor, two: Tensor, begin: int, end: int) -> Tensor:
    """Rows of kron(one, two), of which no others are made than those of the same rows of `one`."""
    height = len(two)
    first = begin // height
    made = torch.kron(one[first : -(-end // height)].contiguous(), two)
    return made[begin - first * height : end - first * height]


def _factors(pieces: Pieces, name: str, core: str | None) -> Factors:
    if name in pieces.tensors:
        return (pieces.tensors[name],)
    halves = pieces.need(f"{name}_a", f"{name}_b")
    return (*halves, pieces.tensors[core]) if core in pieces.tensors and core else tuple(halves)


def _whole(factors: list[Tensor]) -> Tensor:
    if len(factors) == 1:
        return factors[0]
    return product(factors[0], factors[1], factors[2] if len(factors) == 3 else None)


def product_size(tensors: Mapping[str, Tensor]) -> tuple[int, int]:
    """(rows, columns) of what the pieces of a place make.

    Raises:
        ValueError: one is missing.
    """
    pieces = Pieces("it", tensors)
    (a, b), (c, d) = (
        _size(_factors(pieces, name, core))
        for name, core in (("lokr_w1", None), ("lokr_w2", "lokr_t2"))
    )
    return a * c, b * d


def _size(factors: Factors) -> tuple[int, int]:
    if len(factors) == 1:
        return factors[0].shape[0], math.prod(factors[0].shape[1:])
    if len(factors) == 2:
        return factors[0].shape[0], math.prod(factors[1].shape[1:])
    return factors[0].shape[1], factors[1].shape[1] * math.prod(factors[2].shape[2:])
