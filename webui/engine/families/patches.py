"""What transformers over patches of a latent share: sides that are whole patches."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def whole_patches(latent: Tensor, patch: int) -> Tensor:
    """(R, C, h, w) with its right and lower edge repeated up to whole patches."""
    height, width = latent.shape[-2:]
    margins = (0, -width % patch, 0, -height % patch)
    return functional.pad(latent, margins, mode="replicate") if any(margins) else latent
