"""What the paper's own models look up or add up of what they follow: tables too small to be networks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class MaskInput:
    """How an inpainting model is told what is missing."""

    hidden: float = 0.0
    """Value of pixels under the mask: a middle grey, or black (-1)."""
    outside: float = 0.0
    """Value of the mask's plane outside the mask; inside it is 1."""
    mask_first: bool = True
    """Whether its plane stands before those of the latent."""

    def planes(self, cells: Tensor, around: Tensor) -> Tensor:
        """What stands beside the latent, (1, C + 1, h, w).

        Args:
            cells: 1 under the mask, else 0, (1, 1, h, w).
            around: Latent of the picture with its masked pixels hidden, (1, C, h, w).
        """
        mask = torch.lerp(torch.full_like(cells, self.outside), torch.ones_like(cells), cells)
        return torch.cat((mask, around) if self.mask_first else (around, mask), 1)


@dataclass(frozen=True, eq=False)
class Conditioners:
    """What a model follows beside or instead of text; those of Stable Diffusion by default."""

    classes: Tensor | None = None
    """(N, D): a token for each class; one more than there are names is that of no class."""
    map_projection: Tensor | None = None
    """(K, classes): what a class adds to each plane of a map; None lays the shares of each class there."""
    masks: MaskInput = MaskInput()
    tokens_width: int | None = None
    """Width of the tokens of a model that takes vectors as they are (retrieval); None for any other."""


STABLE_DIFFUSION = Conditioners()


def projected_classes(ids: Tensor, projection: Tensor, factor: int) -> Tensor:
    """Class ids as the planes of Rombach et al. 2022, section 4.3.2: shares of classes in cells, mixed.

    Args:
        ids: (B, H, W), whole cells, below the number of classes.
        projection: (K, classes).
        factor: Pixels per latent cell along a side.

    Returns:
        (B, K, h, w), float32.
    """
    classes = projection.shape[1]
    shares = functional.one_hot(ids.long(), classes).permute(0, 3, 1, 2).float()
    return torch.einsum("kc,bchw->bkhw", projection.float(), functional.avg_pool2d(shares, factor))
