"""How much a model that is made of another will take, from headers alone, and whether there is room for it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from webui.contracts.errors import BadRequest
from webui.weights.header import ITEM_BYTES, WeightsHeader
from webui.weights.packed import find_scales

PRECISIONS: Mapping[str, str] = {"fp32": "F32", "fp16": "F16", "bf16": "BF16", "fp8": "F8_E4M3"}
"""What weights can be stored in, and safetensors' name of it."""
AVERAGED = "model_ema."
"""Beginning of the names of weights that nothing draws with."""


def made_bytes(header: WeightsHeader, precision: str | None, without: tuple[str, ...] = ()) -> int:
    """Bytes of the weights of a file once they are written anew: exact in the same layout, about as many in another.

    Args:
        header: Of the file.
        precision: What its numbers are stored in, of `PRECISIONS`; None: as they are, unpacked where they are packed.
        without: Beginnings of names that are left out.
    """
    scales = find_scales(header)
    total = 0
    for name, info in header.tensors.items():
        if name in scales.unseen or name.startswith(without):
            continue
        is_packed = name in scales.of or info.dtype not in ITEM_BYTES
        stored = "F32" if is_packed else info.dtype
        if precision is not None and stored.startswith(("F", "BF")):
            stored = PRECISIONS[precision]
        total += info.count * ITEM_BYTES[stored]
    return total


def check_room(wanted: int, folder: Path) -> None:
    """See that bytes fit on the disk of a folder, which is there or will be.

    Raises:
        BadRequest: they do not.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if wanted > free:
        raise BadRequest(
            f"The model takes about {wanted / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free where models lie. Make room, "
            "or choose a smaller precision."
        )
