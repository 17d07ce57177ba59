"""DoRA (Liu et al. 2024): a change of direction by any other dialect, and a magnitude of its own.

W' = m * (W + change) / |W + change|. Norms are taken over the inputs of each output as PEFT has it, or over the
outputs of each input as LyCORIS began with; which it is shows in the magnitude's shape.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from webui.engine.adapters.dialects.change import Change, on

TINY = 1e-12
"""Keeps a row of zeros from being divided by."""


@dataclass(frozen=True, eq=False)
class Decomposed:
    """The change of one module's weight."""

    direction: Change
    magnitude: Tensor
    """(out,) or (out, 1, ...); or (1, in, ...)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes."""
        return self.direction.shape

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        whole = weight.float()
        turned = whole + self.direction.change(weight)
        magnitude = on(weight, self.magnitude)[0]
        axis = 0 if magnitude.shape[0] == weight.shape[0] else 1
        along = [-1 if i == axis else 1 for i in range(weight.dim())]
        norm = turned.transpose(0, axis).flatten(1).norm(dim=1).clamp(min=TINY)
        longer: Tensor = (magnitude.flatten() / norm).view(along)
        return turned * longer - whole

    def first_ranks(self, rank: int) -> Decomposed:
        """The same with the first ranks of the direction."""
        return replace(self, direction=self.direction.first_ranks(rank))
