"""The header of a safetensors file: JSON behind its length, checked as the numbers' places must be."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from webui.contracts.errors import BrokenModel
from webui.weights.header import ITEM_BYTES, TensorInfo, WeightsHeader

MAX_HEADER_BYTES = 32_000_000
MAX_ELEMENTS = 1_000_000
"""Commas and brackets: a header of a thousand times a real one's would fill the memory when parsed."""


def read_safetensors(file: Path, size: int) -> WeightsHeader:
    """The header of a safetensors file of `size` bytes.

    Raises:
        BrokenModel: it is damaged, or the file is shorter or longer than it says.
        OSError: the file cannot be read.
    """
    with file.open("rb") as stream:
        raw = _header_bytes(stream, file, size)
    try:
        header = json.loads(raw)
        metadata = {str(k): str(v) for k, v in header.pop("__metadata__", {}).items()}
        start = 8 + len(raw)
        tensors = {str(name): _tensor(value, start) for name, value in header.items()}
        spans = [tuple(map(int, value["data_offsets"])) for value in header.values()]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BrokenModel(f"The header of {str(file)!r} cannot be read: {error}.") from error
    _check_spans(file, tensors, spans)
    end = start + max((span[1] for span in spans), default=0)
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
def _tensor(value: Any, start: int) -> TensorInfo:
    shape = tuple(value["shape"])
    if not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError(f"a shape is {repr(shape)[:100]}")
    return TensorInfo(str(value["dtype"]), shape, start + int(value["data_offsets"][0]))


def _check_spans(
    file: Path, tensors: Mapping[str, TensorInfo], spans: list[tuple[int, ...]]
) -> None:
    """See that each tensor has the bytes that its shape needs, and that they lie one behind another."""
    named = sorted(zip(spans, tensors.items(), strict=True), key=lambda entry: entry[0])
    at = 0
    for span, (name, tensor) in named:
        item = ITEM_BYTES.get(tensor.dtype)
        if item is None:
            raise BrokenModel(
                f"The tensor {name[:100]!r} of {str(file)!r} has the type {tensor.dtype[:20]!r}; known are "
                f"{', '.join(ITEM_BYTES)}."
            )
        if len(span) != 2 or span[0] != at or span[1] - span[0] != tensor.count * item:
            raise BrokenModel(
                f"The tensor {name[:100]!r} of {str(file)!r} is said to lie at {list(span)[:4]}; "
                f"{tensor.count * item} bytes from {at} on were expected. The file is damaged; download it again."
            )
        at = span[1]
