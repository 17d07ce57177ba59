"""(IA)^3 (Liu et al. 2022): each input or output of a layer is multiplied by a learned number."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from webui.engine.adapters.dialects.change import Pieces, on


@dataclass(frozen=True, eq=False)
class Scaling:
    """weight * factors, along its inputs or its outputs; the factors are those beside 1."""

    factors: Tensor
    """(n,)."""
    on_input: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes; the other side may be any."""
        count = self.factors.shape[0]
        return (0, count) if self.on_input else (count, 0)

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        factors = on(weight, self.factors)[0]
        along = [1] * weight.dim()
        along[1 if self.on_input else 0] = -1
        return weight.float() * factors.view(along)

    def first_ranks(self, rank: int) -> Scaling:  # noqa: ARG002 - it has none
        """Itself."""
        return self


def read(pieces: Pieces) -> Scaling:
    """From weight and on_input.

    Raises:
        ValueError: one is missing.
    """
    factors, on_input = pieces.need("weight", "on_input")
    return Scaling(factors.flatten(), bool(on_input.flatten()[0]))
