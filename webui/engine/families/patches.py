"""What transformers over patches of a latent share: sides that are whole patches, and where each patch is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def whole_patches(latent: Tensor, patch: int) -> Tensor:
    """(R, C, h, w) with its right and lower edge repeated up to whole patches."""
    height, width = latent.shape[-2:]
    margins = (0, -width % patch, 0, -height % patch)
    return functional.pad(latent, margins, mode="replicate") if any(margins) else latent


def patch_places(rows: int, columns: int, like: Tensor) -> Tensor:
    """(rows * columns, 3): 0, the row and the column of each patch, as FLUX is told."""
    down = torch.arange(rows, device=like.device, dtype=like.dtype)
    across = torch.arange(columns, device=like.device, dtype=like.dtype)
    grid = torch.stack(torch.meshgrid(down, across, indexing="ij"), -1).flatten(0, 1)
    return functional.pad(grid, (1, 0))
