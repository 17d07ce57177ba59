"""GLoRA (Chavan et al. 2023): a low-rank change, and one that depends on the weight itself.

Of a convolution what depends on the weight mixes its inputs, the same at each place of the kernel. LyCORIS has turned the order of its factors round once; which it is shows in
their shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from webui.engine.adapters.dialects.change import Pieces, on


@dataclass(frozen=True, eq=False)
class General:
    """(W @ a + b) * alpha / r, where a and b are of low rank."""

    inside: tuple[Tensor, Tensor]
    """(in, r) and (r, in): what the weight is multiplied by."""
    beside: tuple[Tensor, Tensor]
    """(out, r) and (r, in * kh * kw): what is added."""
    scale: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes."""
        return self.beside[0].shape[0], self.beside[1].shape[1]

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        left, right, up, down = on(weight, *self.inside, *self.beside)
        places = weight.float().flatten(2) if weight.dim() > 2 else weight.float().unsqueeze(2)
        within = torch.einsum("oip,ir,rj->ojp", places, left, right)  # (out, in, kh * kw)
        return (within.reshape(weight.shape) + (up @ down).reshape(weight.shape)) * self.scale

    def first_ranks(self, rank: int) -> General:  # noqa: ARG002 - its ranks are mixed
        """Itself."""
        return self


def read(pieces: Pieces) -> General:
    """From a1, a2, b1, b2.

    Raises:
        ValueError: one is missing, or they cannot be multiplied.
    """
    a1, a2, b1, b2 = (t.flatten(1) for t in pieces.need("a1", "a2", "b1", "b2"))
    for inside, beside in (((a1, a2), (b1, b2)), ((a2, a1), (b2, b1))):
        rank = inside[0].shape[1]
        width = inside[0].shape[0]
        joined = inside[1].shape[0] == rank and beside[0].shape[1] == beside[1].shape[0] == rank
        # Of a square weight both orders can be multiplied; the rank is the smaller side.
        whole = beside[1].shape[1]  # with the kernel
        if joined and rank <= width == inside[1].shape[1] and whole % width == 0:
            return General(inside, beside, pieces.scale(rank))
    raise ValueError(
        f"the matrices of {pieces.where!r} are of shapes "
        f"{', '.join(str(tuple(t.shape)) for t in (a1, a2, b1, b2))}, which cannot be multiplied."
    )
