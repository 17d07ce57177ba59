"""When memory is full: how that is told from other errors, and what can be given back."""

from __future__ import annotations

import gc

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's or the machine's memory is full."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate" in text)


def release_memory() -> None:
    """Give back what the allocators hold without need."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
