"""Tensors of a single file of weights of any format, mapped into memory and made when they are asked for.

Safetensors and what torch.save wrote both keep plain numbers, so a tensor is a view of the file wherever it can
be: nothing is unpickled, and nothing is read that is not used. What is packed (GGUF's blocks, eight-bit floats with a
scale beside them) is a tensor of what it stands for, or stays packed where that is asked for.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from webui.contracts.errors import BrokenModel
from webui.engine.memory import free_bytes
from webui.engine.packed.blocks import UNPACKERS
from webui.engine.packed.mapping import map_file
from webui.engine.packed.weight import EIGHT_BITS, PackedWeight, Stored
from webui.weights.gguf_file import BLOCKS
from webui.weights.header import TensorInfo, WeightsHeader
from webui.weights.packed import find_scales
from webui.weights.read import read_weights

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip

ADVICE = 1 << 17
"""Bytes that the system is told of at once: of a longer piece Linux reads the beginning, as much as its disk's setting
`read_ahead_kb` (128 as a rule) says, and forgets the rest."""


class Weights(Mapping[str, Tensor]):
    """Name to tensor, as the file has them; on the CPU, not to be written to."""

    def __init__(self, path: Path, header: WeightsHeader) -> None:
        self.path = path
        self.header = header
        self._scales = find_scales(header)
        self._names = tuple(n for n in header.tensors if n not in self._scales.unseen)
        self._bytes = map_file(path)
        if len(self._bytes) != header.bytes:
            raise BrokenModel(
                f"{str(path)!r} had {header.bytes:,} bytes a moment ago and has {len(self._bytes):,} now: it is being "
                "written. Wait until it is complete."
            )

    def __getitem__(self, name: str) -> Tensor:
        """What the tensor is, or stands for: then float32."""
        stored = self.stored(name)
        return stored.unpacked() if isinstance(stored, PackedWeight) else stored

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def below(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with a prefix, by the rest of their names."""
        return {name: self[prefix + name] for name in self._below(prefix)}

    def stored_below(self, prefix: str) -> dict[str, Stored]:
        """The same, where packed ones stay packed."""
        return {name: self.stored(prefix + name) for name in self._below(prefix)}

    def stored(self, name: str) -> Stored:
        """A tensor as the file has it.

        Raises:
            BrokenModel: it is of a type that we cannot read, or its scale is no single number.
        """
        info = self.header.tensors[name]
        if info.dtype in UNPACKERS:
            return self._packed(info, *BLOCKS[info.dtype])
        if info.dtype in EIGHT_BITS and (beside := self._scales.of.get(name)) is not None:
            return self._packed(info, 1, 1, self._scale(name, beside))
        return self._read(name, info)

    def _below(self, prefix: str) -> list[str]:
        return [name.removeprefix(prefix) for name in self._names if name.startswith(prefix)]

    def _packed(
        self, info: TensorInfo, numbers: int, taken: int, scale: float = 1.0
    ) -> PackedWeight:
        length = -(-info.count // numbers) * taken
        raw = self._bytes[info.offset : info.offset + length]
        height = info.shape[0] if info.shape else 1
        width = info.count // max(height, 1)
        if width % numbers or info.strides is not None:
            # a row that ends within a block cannot be taken apart from the next
            return PackedWeight(info.dtype, raw.view(1, -1), info.shape, scale)
        return PackedWeight(info.dtype, raw.view(height, -1), info.shape, scale)

    def _scale(self, name: str, beside: str) -> float:
        scale = self._read(beside, self.header.tensors[beside])
        if scale.numel() != 1 or not scale.isfinite().all():
            raise BrokenModel(
                f"The scale of {name!r} in {str(self.path)!r} is of shape {tuple(scale.shape)}; one finite "
                "number was expected."
            )
        return float(scale)

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


def read_ahead(files: Iterable[Path]) -> None:
    """Have the system read files from the disk, in the background and in one go.

    A mapped file is read in small pieces otherwise, where and when it is touched: at a fraction of the disk's speed.
    What would not fit the free memory beside what is read first is left for when it is touched.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    names = [file for file in files if file.is_file()]
    threading.Thread(target=_advise, args=(names,), name="read ahead", daemon=True).start()


def _advise(files: Sequence[Path]) -> None:
    left = free_bytes(torch.device("cpu"))
    for file in files:
        try:
            descriptor = os.open(file, os.O_RDONLY)
        except OSError:
            continue  # who loads it says so
        try:
            end = min(os.fstat(descriptor).st_size, left)
            left -= end
            for begin in range(0, end, ADVICE):
                os.posix_fadvise(descriptor, begin, ADVICE, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)


def open_weights(path: Path) -> Weights:
    """The tensors of a file.

    Raises:
        NotAModel: it is no file of weights; `UnsafeModel` if it would run code when unpickled.
        BrokenModel: it is damaged.
    """
    return Weights(path, read_weights(path))
