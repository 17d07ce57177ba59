"""What a dialect of LoRA makes of a place's pieces: the change of one weight."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from webui.weights.peft_turns import PeftTurns


@dataclass(frozen=True, eq=False)
class Pieces:
    """The tensors that a file has for one place, by the names of `contracts.lora_keys`."""

    where: str
    """The place, for sentences."""
    tensors: Mapping[str, Tensor]
    alpha: float | None = None
    """What the change is multiplied by, times its rank; None means the rank itself."""
    turns: PeftTurns | None = None
    """How the turns of an OFT of PEFT are computed; None for all else."""
    on_input: bool | None = None
    """Whether an (IA)^3 of PEFT scales what enters a convolution, or its answer; None where nothing says so."""

    def scale(self, rank: int) -> float:
        """Alpha / rank."""
        return 1.0 if self.alpha is None else self.alpha / rank

    def need(self, *names: str) -> list[Tensor]:
        """Some of the tensors.

        Raises:
            ValueError: one is missing.
        """
        missing = [name for name in names if name not in self.tensors]
        if missing:
            raise ValueError(
                f"{self.where!r} has only {', '.join(sorted(self.tensors))} and lacks "
                f"{', '.join(missing)}."
            )
        return [self.tensors[name] for name in names]


class Change(Protocol):
    """The change of one weight."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight that it changes; 0 where any will do."""
        ...

    def change(self, weight: Tensor) -> Tensor:
        """What is added at full strength to the weight of the file, float32 of its shape."""
        ...

    def first_ranks(self, rank: int) -> Change:
        """The change of its first ranks alone; itself where it has none."""
        ...


def fits(change: Change, shape: Sequence[int]) -> bool:
    """Whether a weight of this shape can be changed; a 1x1 convolution counts as a linear layer."""
    pairs = zip(_flat(change.shape), _flat(shape), strict=True)
    return all(own in (0, other) for own, other in pairs)


def _flat(shape: Sequence[int]) -> tuple[int, int]:
    return shape[0], math.prod(shape[1:])


def on(weight: Tensor, *tensors: Tensor) -> list[Tensor]:
    """The tensors in float32, where the weight is."""
    return [tensor.to(weight.device).float() for tensor in tensors]
