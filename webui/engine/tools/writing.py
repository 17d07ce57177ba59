"""Writes safetensors files tensor by tensor, so that a file larger than the memory can be written."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.engine.weights import DTYPES
from webui.weights.room import PRECISIONS as STORED_AS

NAMES: Mapping[torch.dtype, str] = {dtype: name for name, dtype in DTYPES.items()}
PRECISIONS: Mapping[str, torch.dtype] = {name: DTYPES[stored] for name, stored in STORED_AS.items()}
"""What weights can be stored in, by the names of the command line."""


@dataclass(frozen=True)
class Planned:
    """A tensor that is to be written."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    make: Callable[[], Tensor]
    """Called once, when its turn comes."""


def write_safetensors(
    target: Path, tensors: Mapping[str, Planned], metadata: Mapping[str, str]
) -> None:
    """Write a file; there is never half of it under its name.

    Raises:
        OSError: the disk.
        ValueError: a tensor came with another shape than was planned.
    """
    raw = _header(tensors, metadata)
    unfinished = target.with_name(f".{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with unfinished.open("wb") as file:
            file.write(struct.pack("<Q", len(raw)) + raw)
            for name, planned in tensors.items():
                tensor = planned.make().to(planned.dtype).contiguous()
                if tuple(tensor.shape) != planned.shape:
                    raise ValueError(
                        f"{name!r} came as {tuple(tensor.shape)}, planned was {planned.shape}."
                    )
                file.write(tensor.reshape(-1).view(torch.uint8).numpy().data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def made_whole(target: Path) -> Iterator[Path]:
    """A place to make a file or folder in, which comes to `target` at the end of the block, or not at all.

    Raises:
        BadRequest: there is something at `target`.
    """
    if target.exists():
        raise BadRequest(f"There is something at {str(target)!r} already; choose another name.")
    unfinished = target.with_name(f".{target.name}.making")
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)


def _header(tensors: Mapping[str, Planned], metadata: Mapping[str, str]) -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": "pt", **metadata}}
    at = 0
    for name, planned in tensors.items():
        end = at + torch.Size(planned.shape).numel() * planned.dtype.itemsize
        header[name] = {
            "dtype": NAMES[planned.dtype], "shape": list(planned.shape), "data_offsets": [at, end],
        }  # fmt: skip
        at = end
    raw = json.dumps(header).encode()
    return raw + b" " * (-len(raw) % 8)  # numbers then lie at addresses that they can be read from
