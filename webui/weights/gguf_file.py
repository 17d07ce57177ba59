"""The header of a GGUF file (the format of llama.cpp, version 2 and 3), read in place.

All that a file says of its own sizes is checked against the file before it is believed.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path

from webui.contracts.errors import BrokenModel
from webui.weights.header import TensorInfo, WeightsHeader

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_ENTRIES = 200_000
"""Notes, tensors, and items of a list: more than any model has."""
MAX_HEADER_BYTES = 16_000_000
ALIGNMENT = 32

BLOCKS: Mapping[str, tuple[int, int]] = {
    "F32": (1, 4), "F16": (1, 2), "BF16": (1, 2), "F64": (1, 8),
    "I8": (1, 1), "I16": (1, 2), "I32": (1, 4), "I64": (1, 8),
    "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24), "Q8_0": (32, 34),
    "Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210),
    "Q8_K": (256, 292), "IQ4_NL": (32, 18), "IQ4_XS": (256, 136),
}  # fmt: skip
"""Numbers in a block and bytes that it takes, by type."""

_TYPES: Mapping[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 20: "IQ4_NL", 23: "IQ4_XS", 24: "I8", 25: "I16",
    26: "I32", 27: "I64", 28: "F64", 30: "BF16",
}  # fmt: skip
_NUMBERS: Mapping[int, str] = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_TEXT, _LIST = 8, 9
_SHAPE_NOTE = "comfy.gguf.orig_shape."
"""Beside a tensor that was reshaped to be packed: what it was before."""
_LONGEST_SHAPE = 200
"""Characters of such a note."""


def read_gguf(file: Path, size: int) -> WeightsHeader:
    """The header of a GGUF file of `size` bytes.

    Raises:
        BrokenModel: it is damaged, or the file is shorter than it says.
        OSError: the file cannot be read.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _Reader(data, size).header()
        except (struct.error, ValueError, IndexError, OverflowError) as error:
            raise BrokenModel(f"The header of {str(file)!r} cannot be read: {error}.") from error


class _Reader:
    """Walks through the header."""

    def __init__(self, data: mmap.mmap, size: int) -> None:
        self._data = data
        self._size = size
        self._at = len(MAGIC)
        self._left = MAX_ENTRIES

    def header(self) -> WeightsHeader:
        version = self._number("<I")
        if version not in VERSIONS:
            raise ValueError(f"its version is {version}; known are 2 and 3")
        tensors, notes = int(self._number("<Q")), int(self._number("<Q"))
        self._spend(tensors + notes)
        metadata = {}
        for _ in range(notes):
            name = self._text()
            metadata[name] = self._value(int(self._number("<I")))
        found = [self._tensor() for _ in range(tensors)]
        alignment = int(metadata.get("general.alignment", ALIGNMENT))
        if not 0 < alignment <= 4096:
            raise ValueError(f"its alignment is {alignment}")
        start = -(-self._at // alignment) * alignment
        placed = {name: self._placed(name, info, start, metadata) for name, info in found}
        return WeightsHeader("gguf", placed, metadata, self._size)

    def _tensor(self) -> tuple[str, TensorInfo]:
        name = self._text()
        sides = int(self._number("<I"))
        if sides > 8:
            raise ValueError(f"the tensor {name[:100]!r} has {sides} dimensions")
        shape = tuple(int(self._number("<Q")) for _ in range(sides))[
            ::-1
        ]  # the fastest stands first
        kind = int(self._number("<I"))
        if kind not in _TYPES:
            raise ValueError(f"the tensor {name[:100]!r} has the unknown type {kind}")
        return name, TensorInfo(_TYPES[kind], shape, int(self._number("<Q")))

    def _placed(
        self, name: str, info: TensorInfo, start: int, metadata: Mapping[str, str]
    ) -> TensorInfo:
        block, taken = BLOCKS[info.dtype]
        length = -(-info.count // block) * taken
        offset = start + info.offset
        if offset + length > self._size:
            raise ValueError(
                f"the tensor {name[:100]!r} ends at byte {offset + length} of {self._size}: the download may "
                "be incomplete"
            )
        if (noted := metadata.get(_SHAPE_NOTE + name)) is None:
            return TensorInfo(info.dtype, info.shape, offset)
        shape = tuple(map(int, noted[:_LONGEST_SHAPE].split()))
        before = TensorInfo(info.dtype, shape, offset)
        if before.count != info.count or min(shape, default=1) < 1:
            raise ValueError(f"the tensor {name[:100]!r} was {noted[:100]!r} and is {info.shape}")
        return before

    def _value(self, kind: int) -> str:
        """A note as text; a list's items stand side by side."""
        if kind == _TEXT:
            return self._text()
        if kind != _LIST:
            return str(self._number(_NUMBERS.get(kind, "")))
        inner, count = int(self._number("<I")), int(self._number("<Q"))
        self._spend(count)
        if inner == _LIST:
            raise ValueError("a note is a list of lists")
        return " ".join([self._value(inner) for _ in range(count)])

    def _number(self, form: str) -> float:
        if not form:
            raise ValueError("a note has an unknown type")
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        number: float = value
        return number

    def _text(self) -> str:
        length = int(self._number("<Q"))
        self._at += length
        if self._at > min(MAX_HEADER_BYTES, self._size):
            raise ValueError(f"a text of {length} bytes is announced")
        return self._data[self._at - length : self._at].decode("utf-8", "replace")

    def _spend(self, entries: int) -> None:
        self._left -= entries
        if self._left < 0:
            raise ValueError(f"it has more than {MAX_ENTRIES} entries, many more than any model's")
