"""Writes files of weights for tests: headers of the true sizes over holes, and what torch.save writes."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from webui.weights.header import ITEM_BYTES

ALIGNMENT = 8
"""At whose multiples the library safetensors has the numbers begin."""


def write_sparse(
    file: Path,
    shapes: Mapping[str, Sequence[int]],
    dtype: str = "F16",
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """A safetensors file of the true size that takes no room: its numbers are a hole."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, shape in shapes.items():
        size = ITEM_BYTES[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % ALIGNMENT)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(raw)) + raw)
        stream.truncate(8 + len(raw) + at)
    return file


def copies_of_header(file: Path, count: int) -> None:
    """Further files beside a sparse one, '1' to count, each with its header and size."""
    size = file.stat().st_size
    with file.open("rb") as whole:
        begin = whole.read(8)
        head = begin + whole.read(int.from_bytes(begin, "little"))
    for number in range(1, count + 1):
        with file.with_name(f"{number}{file.suffix}").open("wb") as stream:
            stream.write(head)
            stream.truncate(size)


def write_header(file: Path, header: Any, data: bytes = b"") -> Path:
    """A safetensors file with any header, right or wrong."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return file


GGUF_TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "Q4_K": 12, "BF16": 30}


def write_gguf(
    file: Path,
    tensors: Mapping[str, tuple[str, Sequence[int], bytes]],
    notes: Mapping[str, str | int | list[int]] | None = None,
) -> Path:
    """A GGUF file of version 3: name to (type, shape as torch has it, bytes)."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(notes or {}))
    for key, value in (notes or {}).items():
        head += _text(key) + _note(value)
    data = b""
    for name, (kind, shape, raw) in tensors.items():
        sides = [*reversed(shape)]
        head += _text(name) + struct.pack(f"<I{len(sides)}Q", len(sides), *sides)
        head += struct.pack("<IQ", GGUF_TYPES[kind], len(data))
        data += raw + bytes(-len(raw) % 32)
    file.write_bytes(head + bytes(-len(head) % 32) + data)
    return file


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _note(value: str | int | list[int]) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
