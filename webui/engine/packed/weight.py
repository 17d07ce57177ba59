"""A matrix as a file has it packed, and what it stands for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from webui.engine.packed.blocks import unpack
from webui.weights.gguf_file import BLOCKS

EIGHT_BITS: Mapping[str, torch.dtype] = {
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip
HALVES: Mapping[torch.dtype, str] = {torch.float16: "F16", torch.bfloat16: "BF16"}
"""Halves that are kept as they are, and their names."""
_NUMBERS = {**EIGHT_BITS, **{name: dtype for dtype, name in HALVES.items()}}


@dataclass(frozen=True, eq=False)
class PackedWeight:
    """A tensor whose rows are packed one by one."""

    kind: str
    """'Q4_K', as GGUF has it, or 'F8_E4M3', as safetensors has it."""
    rows: Tensor
    """(R, bytes of a row), uint8."""
    shape: tuple[int, ...]
    """Of what it stands for; the first side is R."""
    scale: float = 1.0
    """What every number is multiplied by."""

    def unpacked(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The tensor that it stands for; computed in float32."""
        if (numbers_of := _NUMBERS.get(self.kind)) is not None:
            numbers = self.rows.contiguous().view(numbers_of).float()
            scaled = numbers if self.scale == 1.0 else numbers * self.scale
        else:
            scaled = unpack(self.rows.reshape(-1, BLOCKS[self.kind][1]), self.kind)
        # A last block may be longer than what is left of the tensor.
        return scaled.flatten()[: math.prod(self.shape)].to(dtype).reshape(self.shape)

    def part(self, start: int, stop: int) -> PackedWeight:
        """Some of its rows."""
        return replace(self, rows=self.rows[start:stop], shape=(stop - start, *self.shape[1:]))

    def moved_to(self, rows: Tensor) -> PackedWeight:
        """The same with a copy of its rows, which may be on another device."""
        return self if rows is self.rows else replace(self, rows=rows)


def half(weight: Tensor) -> PackedWeight:
    """A weight in half precision, where it lies: nothing is copied."""
    rows = weight.detach().contiguous().view(len(weight), -1).view(torch.uint8)
    return PackedWeight(HALVES[weight.dtype], rows, tuple(weight.shape))


Stored = Tensor | PackedWeight
"""A weight as it was read."""


def unpacked(weight: Stored) -> Tensor:
    """What a weight stands for."""
    return weight.unpacked() if isinstance(weight, PackedWeight) else weight


def rows_of(weight: Stored, start: int, stop: int) -> Stored:
    """Some rows of a weight."""
    return weight.part(start, stop) if isinstance(weight, PackedWeight) else weight[start:stop]
