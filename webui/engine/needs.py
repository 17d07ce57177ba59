"""How much memory a model needs, by what the catalog knows of it: whole, in turn, or with its weights left where they are."""

from __future__ import annotations

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import OutOfMemory
from webui.contracts.parameters.extension_arguments import offered_by
from webui.engine.packed.weight import HALVES

MAPPED = 8
"""Of a mapped file, the part that is taken for what has to be in memory beside it: one layer in float32, and the small ones."""


def whole_bytes(checkpoint: CheckpointInfo, bytes_per_weight: int) -> int:
    """What a model takes with all its networks in memory, in the precision that they run in."""
    if checkpoint.packed:
        unpacked = checkpoint.parameters - checkpoint.packed
        return checkpoint.bytes + unpacked * bytes_per_weight
    if checkpoint.parameters:
        return checkpoint.parameters * bytes_per_weight
    return checkpoint.bytes * bytes_per_weight // 2


def apart_bytes(
    checkpoint: CheckpointInfo, bytes_per_weight: int, *, on_processor: bool
) -> int | None:
    """What a model takes whose text encoders and other networks are in memory in turn; None where it cannot be loaded so.

    On a processor only what is opened of files in half precision can leave the memory.
    """
    text = checkpoint.text_parameters * bytes_per_weight
    if not text or offered_by(checkpoint.family) is not None:
        return None
    if on_processor and not _is_opened(checkpoint, bytes_per_weight):
        return None
    return max(text, whole_bytes(checkpoint, bytes_per_weight) - text)


def lean_bytes(
    checkpoint: CheckpointInfo, bytes_per_weight: int, *, on_processor: bool
) -> int | None:
    """What a model takes whose weights stay in half precision, or outside; None where they would take no less.

    Of a single file they stay where the file is mapped into memory, which the system takes back at need.
    """
    if not on_processor:
        return checkpoint.bytes // MAPPED
    if not _is_opened(checkpoint, bytes_per_weight):
        return None
    return checkpoint.bytes if checkpoint.is_in_parts else checkpoint.bytes // MAPPED


def _is_opened(checkpoint: CheckpointInfo, bytes_per_weight: int) -> bool:
    """Whether weights take more memory than their file has."""
    return checkpoint.dtype in HALVES.values() and bytes_per_weight > 2


def too_large(checkpoint: CheckpointInfo, need: int, free: int | None) -> OutOfMemory:
    """How much is needed, how much there is, and what would make it fit."""
    there = "" if free is None else f", and {free / 2**30:.1f} GiB are free"
    more = "" if free is None else f"{max(need - free, 0) / 2**30:.1f} GiB more would do: "
    return OutOfMemory(
        f"The model {checkpoint.id!r} needs about {need / 2**30:.1f} GiB of memory{there}. {more}close other "
        "programs that use this device, or choose a smaller model."
    )
