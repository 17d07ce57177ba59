"""In which precision networks run."""

from __future__ import annotations

import torch


def compute_dtype(device: torch.device, stored: str = "") -> torch.dtype:
    """Half precision on a GPU; on a CPU it is slower than float32, so float32.

    Args:
        device: Where a network is to run.
        stored: Its weights' type in the file, as in safetensors; BF16 stays so.
    """
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if stored == "BF16" else torch.float16
