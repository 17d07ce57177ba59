"""In which precision networks run."""

from __future__ import annotations

import logging

import torch

from webui.engine.packed.product import has_bfloat16

log = logging.getLogger(__name__)


class _OnProcessor:
    """What this process computes in on a processor."""

    dtype = torch.float32


def use_bfloat16_on_processor(wanted: bool = True) -> bool:
    """Have networks that are loaded from now on run in bfloat16, on a processor that multiplies in it.

    Returns:
        Whether they will.
    """
    if not wanted:
        _OnProcessor.dtype = torch.float32
        return False
    if not has_bfloat16():
        log.warning("This processor does not multiply in bfloat16; it goes on in float32.")
        return False
    _OnProcessor.dtype = torch.bfloat16
    return True


def precision_name() -> str:
    """'bfloat16' where this process was asked to compute in it and does; else ''."""
    return "" if _OnProcessor.dtype == torch.float32 else "bfloat16"


def compute_dtype(device: torch.device, stored: str = "") -> torch.dtype:
    """Half precision on a GPU; on a processor float32, unless `use_bfloat16_on_processor` was called.

    Args:
        device: Where a network is to run.
        stored: Its weights' type in the file, as in safetensors; BF16 stays so.
    """
    if device.type == "cpu":
        return _OnProcessor.dtype
    return torch.bfloat16 if stored == "BF16" else torch.float16
