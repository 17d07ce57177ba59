"""The header of a safetensors file: JSON behind its length, checked as the numbers' places must be."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from webui.contracts.errors import BrokenModel
from webui.weights.header import ITEM_BYTES, TensorInfo, WeightsHeader

MAX_HEADER_BYTES = 16_000_000
MAX_ELEMENTS = 500_000
"""Commas and brackets: a header of hundreds of times a real one's would fill the memory when parsed."""

MAX_DIMENSIONS = 32
"""Products of more sides would be numbers of millions of digits."""


def read_safetensors(file: Path, size: int) -> WeightsHeader:
    """The header of a safetensors file of `size` bytes.

    Raises:
        BrokenModel: it is damaged, or the file is shorter or longer than it says.
        OSError: the file cannot be read.
    """
    with file.open("rb") as stream:
        raw = _header_bytes(stream, file, size)
    try:
        header = orjson.loads(raw)
        metadata = {str(k): str(v) for k, v in header.pop("__metadata__", {}).items()}
        tensors, length = _tensors(file, header, 8 + len(raw))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BrokenModel(f"The header of {str(file)!r} cannot be read: {error}.") from error
    end = 8 + len(raw) + length
    if end != size:
        raise BrokenModel(
            f"{str(file)!r} has {size} bytes where its header announces {end}: the download may be incomplete."
        )
    return WeightsHeader("safetensors", tensors, metadata, size)


def _header_bytes(stream: BinaryIO, file: Path, size: int) -> bytes:
    start = stream.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= size - 8:
        raise BrokenModel(
            f"{str(file)!r} has {size} bytes and no whole header: the download may be incomplete."
        )
    if length > MAX_HEADER_BYTES:
        raise BrokenModel(
            f"The header of {str(file)!r} has {length} bytes; at most {MAX_HEADER_BYTES} are read, and real "
            "ones are far smaller. Download it again from where you trust."
        )
    raw = stream.read(length)
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MAX_ELEMENTS:
        raise BrokenModel(
            f"The header of {str(file)!r} has more than {MAX_ELEMENTS} parts, many more than any model's. "
            "Download it again from where you trust."
        )
    return raw


# Any: untrusted JSON.
def _tensors(
    file: Path, header: Mapping[str, Any], start: int
) -> tuple[dict[str, TensorInfo], int]:
    """The tensors, and how many bytes all of them are. One pass: there are thousands of files of a thousand.

    Each must have the bytes that its shape needs, and they must lie one behind another.
    """
    tensors: dict[str, TensorInfo] = {}
    at = 0
    for name, value in sorted(header.items(), key=_place):
        dtype, shape, (begin, end) = value["dtype"], value["shape"], value["data_offsets"]
        item = ITEM_BYTES.get(dtype)
        if item is None:
            raise BrokenModel(
                f"The tensor {name[:100]!r} of {str(file)!r} has the type {str(dtype)[:20]!r}; known are "
                f"{', '.join(ITEM_BYTES)}."
            )
        length, sides = item, tuple(shape)
        if len(sides) > MAX_DIMENSIONS:
            raise ValueError(f"a shape has {len(shape)} dimensions")
        for side in sides:
            if not isinstance(side, int) or not 0 <= side < 2**63:
                raise ValueError(f"a shape is {repr(shape)[:100]}")
            length *= side
        if begin != at or end - begin != length:
            raise BrokenModel(
                f"The tensor {name[:100]!r} of {str(file)!r} is said to lie at {[begin, end]}; "
                f"{length} bytes from {at} on were expected. The file is damaged; download it again."
            )
        tensors[name] = TensorInfo(dtype, sides, start + int(begin))
        at = end
    return tensors, at


def _place(entry: tuple[str, Any]) -> Any:
    return entry[1]["data_offsets"]
