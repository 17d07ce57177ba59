"""The product of two factors of a weight, with or without a core between them."""

from __future__ import annotations

import torch
from torch import Tensor


def product(a: Tensor, b: Tensor, core: Tensor | None) -> Tensor:
    """A @ b, (out, in * kh * kw); with a core (r, r, kh, kw), between a (r, out) and b (r, in), (out, in, kh, kw)."""
    if core is None:
        return a.flatten(1) @ b.flatten(1)
    return torch.einsum("ijkl,jn,im->mnkl", core, b, a)
