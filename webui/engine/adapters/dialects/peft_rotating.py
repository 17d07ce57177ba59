"""OFT as PEFT has it: what enters a layer is turned, block by block, before the layer's own weight.

W' = W R^T. Of a block the file has the numbers above the diagonal of Q, which is skew. R is the Cayley transform of Q, or the
beginning of a series for it, whose last power counts once where the others count twice; which of the two, the
configuration beside the file says. With a limit (COFT) each block's Q is shortened to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from webui.engine.adapters.dialects.change import Pieces, on
from webui.weights.peft_turns import PeftTurns, block_side


@dataclass(frozen=True, eq=False)
class PeftRotating:
    """The change of one module's weight."""

    numbers: Tensor
    """(k, n (n - 1) / 2); k is 1 where all blocks are one."""
    turns: PeftTurns

    @property
    def side(self) -> int:
        """Of a block."""
        return block_side(self.numbers.shape[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes; its outputs may be any, and its inputs where the block is shared."""
        return 0, 0 if self.turns.is_shared else len(self.numbers) * self.side

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        whole = weight.float().flatten(1)  # (out, k * n)
        turns = _turned(_skew(on(weight, self.numbers)[0], self.side, self.turns.limit), self.turns)
        count = whole.shape[1] // self.side
        blocks = whole.view(len(whole), count, self.side)
        # (out, k, n) by R^T of each block
        answer = torch.einsum("okn,kmn->okm", blocks, turns.expand(count, -1, -1))
        return (answer.flatten(1) - whole).reshape(weight.shape)

    def first_ranks(self, rank: int) -> PeftRotating:  # noqa: ARG002 - it has none
        """Itself."""
        return self


def _skew(numbers: Tensor, side: int, limit: float | None) -> Tensor:
    """(k, n, n)."""
    upper = numbers.new_zeros(len(numbers), side, side)
    rows, columns = torch.triu_indices(side, side, 1, device=numbers.device)
    upper[:, rows, columns] = numbers
    q: Tensor = upper - upper.mT
    if limit is None:
        return q
    most = limit / len(numbers) ** 0.5
    measure = q.flatten(1).norm(dim=1).clamp(min=torch.finfo(q.dtype).tiny).view(-1, 1, 1)
    short: Tensor = q * (most / measure).clamp(max=1.0)
    return short


def _turned(q: Tensor, turns: PeftTurns) -> Tensor:
    unit = torch.eye(q.shape[-1], device=q.device, dtype=q.dtype).expand_as(q)
    if turns.terms is None:
        answer: Tensor = torch.linalg.solve(unit + q, unit - q, left=False)
        return answer
    if turns.terms < 3:
        return unit.add(q, alpha=2.0 * (turns.terms - 1))
    answer, power = unit.add(q, alpha=2.0), q
    last = max(turns.terms - 1, 3)
    for number in range(2, last + 1):
        power = power @ q
        answer = answer + power * (1 if number == last else 2)
    return answer


def read(pieces: Pieces) -> PeftRotating:
    """From oft_R and the configuration beside the file.

    Raises:
        ValueError: the configuration is missing, or the numbers are those of no blocks.
    """
    (numbers,) = pieces.need("oft_R")
    if pieces.turns is None:
        raise ValueError(f"nothing says how the turns of {pieces.where!r} are computed")
    if numbers.dim() != 2 or (pieces.turns.is_shared and len(numbers) != 1):
        raise ValueError(
            f"the oft_R of {pieces.where!r} is of shape {tuple(numbers.shape)}; (blocks, numbers) was expected."
        )
    block_side(numbers.shape[1])
    return PeftRotating(numbers, pieces.turns)
