"""Tensors of a single file of weights of any format, mapped into memory and made when they are asked for.

Safetensors and what torch.save wrote both keep plain numbers, so a tensor is a view of the file wherever it can
be: nothing is unpickled, and nothing is read that is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from webui.contracts.errors import BrokenModel
from webui.weights.header import TensorInfo, WeightsHeader
from webui.weights.read import read_weights

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


class Weights(Mapping[str, Tensor]):
    """Name to tensor, as the file has them; on the CPU, not to be written to."""

    def __init__(self, path: Path, header: WeightsHeader) -> None:
        self.path = path
        self.header = header
        self._bytes = torch.from_file(str(path), shared=False, size=header.bytes, dtype=torch.uint8)

    def __getitem__(self, name: str) -> Tensor:
        return self._read(name, self.header.tensors[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.header.tensors)

    def __len__(self) -> int:
        return len(self.header.tensors)

    def below(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with a prefix, by the rest of their names."""
        return {
            name.removeprefix(prefix): self[name]
            for name in self.header.tensors
            if name.startswith(prefix)
        }

    def _read(self, name: str, info: TensorInfo) -> Tensor:
        dtype = DTYPES.get(info.dtype)
        if dtype is None:
            raise BrokenModel(
                f"The tensor {name!r} of {str(self.path)!r} is of type {info.dtype}; this program computes with "
                f"{', '.join(DTYPES)}."
            )
        if info.count == 0:
            return torch.empty(info.shape, dtype=dtype)
        item = dtype.itemsize
        reach = info.count
        if info.strides is not None:
            reach = 1 + sum((s - 1) * t for s, t in zip(info.shape, info.strides, strict=True))
        raw = self._bytes[info.offset : info.offset + reach * item]
        if info.offset % item:
            raw = raw.clone()  # numbers of this size cannot be read from an odd address
        flat = raw.view(dtype)
        if info.strides is None:
            return flat.view(info.shape)
        return flat.as_strided(info.shape, info.strides)


def open_weights(path: Path) -> Weights:
    """The tensors of a file.

    Raises:
        NotAModel: it is no file of weights; `UnsafeModel` if it would run code when unpickled.
        BrokenModel: it is damaged.
    """
    return Weights(path, read_weights(path))
