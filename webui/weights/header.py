"""What the header of a weights file says: names, types, shapes and where the numbers lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Format = Literal["safetensors", "pickle", "gguf"]
"""'pickle' is what torch.save writes: .ckpt, .pt, .pth, .bin."""

ITEM_BYTES: Mapping[str, int] = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
    "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
"""Bytes of a number of each type, by safetensors' name of it; GGUF's packed types are not among them."""


@dataclass(
    slots=True, unsafe_hash=True
)  # not frozen, which takes three times as long to make; millions are made
class TensorInfo:
    """One tensor of a file; never changed."""

    dtype: str
    """As in safetensors: 'F16'; or a packed type of GGUF: 'Q8_0'."""
    shape: tuple[int, ...]
    offset: int
    """Of its first byte in the file."""
    strides: tuple[int, ...] | None = None
    """In numbers; None where it lies row by row, as nearly all do."""

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class WeightsHeader:
    """The header of a weights file of any format."""

    format: Format
    tensors: Mapping[str, TensorInfo]
    """By name; those of nested mappings are joined by points."""
    metadata: Mapping[str, str]
    """What the writer noted of the file."""
    bytes: int
    """Size of the file."""

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Name to shape."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Shape of a tensor; None where there is none of this name."""
        tensor = self.tensors.get(name)
        return None if tensor is None else tensor.shape
