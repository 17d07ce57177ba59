"""When memory is full: how that is told from other errors, and what can be given back."""

from __future__ import annotations

import ctypes
import gc
import sys

import psutil
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
    _trim()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def free_bytes(device: torch.device) -> int:
    """Memory of a device that nobody uses; of the processor's, what could be had without swapping."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def _trim() -> None:
    """Have the C library give freed memory back; glibc alone keeps it, and has this call."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
