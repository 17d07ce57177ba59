"""A change as it is: what a weight, a bias or a norm was trained away from the model by (LyCORIS)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from webui.engine.adapters.dialects.change import Pieces, on


@dataclass(frozen=True, eq=False)
class Full:
    """All numbers of a change."""

    difference: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes."""
        return tuple(self.difference.shape)

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        return on(weight, self.difference)[0].reshape(weight.shape)

    def first_ranks(self, rank: int) -> Full:  # noqa: ARG002 - it has none
        """Itself."""
        return self


def read(pieces: Pieces) -> Full:
    """From diff, or from the w_norm of a norm."""
    tensors = pieces.tensors
    return Full(tensors["diff"] if "diff" in tensors else tensors["w_norm"])


def read_bias(pieces: Pieces) -> Full | None:
    """From diff_b or b_norm; None where the bias stays as it is."""
    for name in ("diff_b", "b_norm"):
        if name in pieces.tensors:
            return Full(pieces.tensors[name])
    return None
