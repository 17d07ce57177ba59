"""Products of tokens and weights, by the library that is quicker for them on this processor.

PyTorch gives those in float32 to MKL, whose fast kernels are for Intel's processors only; on AMD's, oneDNN
takes less than half of the time.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

NOTHING_MORE: tuple[str, list[float], str] = "none", [], ""
"""What oneDNN is to do to a layer's answer: name, numbers and algorithm."""


def product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`torch.nn.functional.linear`, of which it differs by rounding.

    What is no sequence (the embedding of a timestep) stays MKL's, which is quicker for few rows.

    Args:
        x: (..., in).
        weight: (out, in), of the same precision.
        bias: (out,).
    """
    if x.dtype != torch.float32 or x.dim() < 3 or x.device.type != "cpu" or not mkl_is_slow():
        return functional.linear(x, weight, bias)
    answer: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, *NOTHING_MORE)
    return answer


@cache
def mkl_is_slow() -> bool:
    """Whether oneDNN is there, and this processor is one that MKL has no fast kernels for: AMD's."""
    return has_onednn() and "AMD" in str(torch.cpu.get_capabilities().get("cpu_name"))


@cache
def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16, which is faster than float32."""
    can = torch.cpu.get_capabilities()
    return has_onednn() and bool(can.get("avx512_bf16") or can.get("amx_bf16"))


def has_onednn() -> bool:
    """Whether PyTorch was built with it."""
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
