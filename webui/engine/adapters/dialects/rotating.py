"""OFT (Qiu et al. 2023) and BOFT (Liu et al. 2023): a layer's outputs are turned, so that the angles between its neurons stay.

W' = R W, where R is orthogonal. Of OFT it turns neighbouring outputs in blocks; of BOFT it is a product of such turns, before
each of which the outputs are dealt anew, as the butterfly of a fast Fourier transform deals them. A block is stored as
any matrix B, of which Q = B - B^T is skew, and R = (I + Q)(I - Q)^-1 is its turn (Cayley). kohya's scripts and LyCORIS
multiply by the transposed blocks of OFT, and by those of BOFT as they are. Strengths between 0 and 1 mix the turned
weight with the file's, as AUTOMATIC1111 does.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from webui.engine.adapters.dialects.change import Pieces, on

TINY = 1e-8
"""Keeps blocks of zeros from being divided by."""


@dataclass(frozen=True, eq=False)
class Rotating:
    """The change of one module's weight."""

    blocks: Tensor
    """(k, n, n), for k * n outputs; or (m, k, n, n), m turns one after the other (BOFT)."""
    limit: float | None = None
    """What Q may at most measure, all blocks together (COFT), a share of the number of outputs; None: anything."""
    is_turned: bool = False
    """Whether the blocks are R already, as in the first LyCORIS files (`oft_diag`)."""
    rescale: Tensor | None = None
    """(out, ...): what each turned output is multiplied by."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes; its inputs may be any."""
        return self.blocks.shape[-3] * self.blocks.shape[-1], 0

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        whole = weight.float()
        turned = self._turned(whole.flatten(1))  # (out, in * kh * kw)
        if self.rescale is not None:
            turned = turned * on(weight, self.rescale)[0].reshape(-1, 1)
        return turned.reshape(weight.shape) - whole

    def first_ranks(self, rank: int) -> Rotating:  # noqa: ARG002 - it has none
        """Itself."""
        return self

    def _turned(self, rows: Tensor) -> Tensor:
        blocks = on(rows, self.blocks)[0]
        if self.is_turned:
            return _by_block(blocks.mT, rows)
        turns = _cayley(_skew(blocks, self._most()))
        if blocks.dim() == 3:
            return _by_block(turns.mT, rows)
        for number, turn in enumerate(turns):
            stride = 2**number * blocks.shape[-1] // 2
            dealt = _dealt(rows, 2, stride)
            rows = _dealt(_by_block(turn, dealt), stride, 2)
        return rows

    def _most(self) -> float | None:
        return None if self.limit is None else self.limit * self.shape[0]


def _by_block(blocks: Tensor, rows: Tensor) -> Tensor:
    """Each block (k, n, n) times its n rows of (k * n, c)."""
    count, size = blocks.shape[:2]
    return (blocks @ rows.view(count, size, -1)).flatten(0, 1)


def _dealt(rows: Tensor, piles: int, length: int) -> Tensor:
    """In every run of `piles` times `length` rows of (out, c): the first of each pile, then the second of each, and so on."""
    return rows.view(-1, piles, length, rows.shape[1]).transpose(1, 2).reshape(rows.shape)


def _skew(blocks: Tensor, most: float | None) -> Tensor:
    q = blocks - blocks.mT
    if most is None:
        return q
    measure = float(q.norm())
    return q * ((min(measure, most) + TINY) / (measure + TINY))


def _cayley(q: Tensor) -> Tensor:
    """(I + Q)(I - Q)^-1; both factors may change places."""
    unit = torch.eye(q.shape[-1], device=q.device)
    turns: Tensor = torch.linalg.solve(unit - q, unit + q)
    return turns


def read(pieces: Pieces) -> Rotating:
    """From oft_blocks or oft_diag, and maybe rescale; alpha is the limit.

    Raises:
        ValueError: the blocks are no square matrices, or cannot be dealt.
    """
    is_turned = "oft_blocks" not in pieces.tensors
    blocks = pieces.tensors["oft_diag" if is_turned else "oft_blocks"]
    rescale = pieces.tensors.get("rescale")
    if blocks.dim() not in ((3,) if is_turned else (3, 4)) or blocks.shape[-1] != blocks.shape[-2]:
        raise ValueError(
            f"the blocks of {pieces.where!r} are of shape {tuple(blocks.shape)}; (k, n, n) was expected, or "
            "(m, k, n, n) of BOFT."
        )
    turns = blocks.shape[0] if blocks.dim() == 4 else 0
    count, size = blocks.shape[-3], blocks.shape[-1]
    if turns and (size % 2 or (count * size) % (2**turns * size // 2)):
        raise ValueError(
            f"the {turns} turns of {pieces.where!r} cannot deal its {count * size} outputs in blocks of {size}."
        )
    if rescale is not None and rescale.numel() != count * size:
        raise ValueError(
            f"the rescale of {pieces.where!r} has {rescale.numel()} numbers; {count * size} were expected."
        )
    return Rotating(blocks, pieces.alpha or None, is_turned, rescale)
