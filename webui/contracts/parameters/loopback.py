"""Drawing a picture again and again, each time from what the time before gave."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter

LINEAR = "Linear"
CURVES: Mapping[str, Callable[[float], float]] = {
    "Aggressive": lambda progress: math.sin(progress * math.pi / 2),
    LINEAR: lambda progress: progress,
    "Lazy": lambda progress: 1 - math.cos(progress * math.pi / 2),
}
"""How far the strength has come to its final one, by the share of the rounds (AUTOMATIC1111's loopback)."""
MAX_LOOPS = 32


class Loopback(BaseModel):
    """Parameters of a picture that starts from an image; names and values are AUTOMATIC1111's."""

    loops: Annotated[
        int,
        Parameter(
            "Loops",
            "Rounds of drawing: each begins with the result of the one before, with the next seed.",
            "Loops",
            soft_maximum=MAX_LOOPS,
        ),
    ] = Field(1, ge=1, le=MAX_LOOPS)
    final_strength: Annotated[
        float | None,
        Parameter(
            "Final denoising strength",
            "Denoising strength of the last round; those between lead to it.",
            "Final denoising strength",
            step=0.01,
            empty="as the first",
        ),
    ] = Field(None, ge=0.0, le=1.0, allow_inf_nan=False)
    strength_curve: Annotated[
        str,
        Parameter(
            "Denoising strength curve",
            "How the strength goes to its final one: quickly at first, evenly, or late.",
            "Denoising strength curve",
            choices=tuple(CURVES),
        ),
    ] = LINEAR

    def strength_of_round(self, index: int, first: float) -> float:
        """Denoising strength of a 0-based round, where the first one's is given."""
        if self.loops == 1 or self.final_strength is None:
            return first
        come = CURVES[self.strength_curve](index / (self.loops - 1))
        return min(max(first + (self.final_strength - first) * come, 0.0), 1.0)
