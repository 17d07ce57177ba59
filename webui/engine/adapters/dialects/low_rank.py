"""LoRA (Hu et al. 2021), and LoCon, which has it for convolutions too: up @ down * alpha / r."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from webui.engine.adapters.dialects.change import Pieces, on


@dataclass(frozen=True, eq=False)
class LowRank:
    """The change of one module's weight."""

    down: Tensor
    """(r, in), or (r, in, kh, kw) of a convolution."""
    up: Tensor
    """(out, r), or (out, r, 1, 1)."""
    scale: float
    """alpha / r."""
    mid: Tensor | None = None
    """(r, r, kh, kw) of a convolution in three factors (CP form): down is (r, in, 1, 1) then."""

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        up, down = (half.flatten(1) for half in on(weight, self.up, self.down))
        if self.mid is None:
            return (up @ down).reshape(weight.shape) * self.scale
        mid = on(weight, self.mid)[0]
        return torch.einsum("on,nmkl,mi->oikl", up, mid, down) * self.scale

    def first_ranks(self, rank: int) -> LowRank:
        """The change of its first ranks alone; alpha / r stays that of all, as in AUTOMATIC1111."""
        if self.mid is not None:
            return self
        return replace(self, down=self.down[:rank], up=self.up[:, :rank])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes; a 1x1 convolution counts as a linear layer."""
        kernel = self.down.shape[2:] if self.mid is None else self.mid.shape[2:]
        shape = (self.up.shape[0], self.down.shape[1], *kernel)
        return shape[:2] if tuple(kernel) == (1, 1) else shape


def read(pieces: Pieces) -> LowRank:
    """From lora_down and lora_up, or lora_A and lora_B, and maybe lora_mid.

    Raises:
        ValueError: one is missing, or they cannot be multiplied.
    """
    down, up = pieces.need("down", "up")
    mid = pieces.tensors.get("mid")
    rank = down.shape[0]
    wrong = down.dim() not in (2, 4) or up.dim() != down.dim() or up.flatten(1).shape[1] != rank
    if wrong or (mid is not None and mid.shape[:2] != (rank, rank)):
        raise ValueError(
            f"the matrices of {pieces.where!r} are of shapes {tuple(up.shape)} and "
            f"{tuple(down.shape)}, which cannot be multiplied."
        )
    return LowRank(down, up, pieces.scale(rank), mid)
