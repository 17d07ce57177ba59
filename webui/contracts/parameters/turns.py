"""Whose work goes first. Nothing here changes a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel

from webui.contracts.parameters.declaration import Parameter


@dataclass(frozen=True)
class Priority:
    """What a priority means to the queue and to the engine."""

    rank: int
    """Place in the queue: higher ones go first, equal ones by the time of their order."""
    share: float
    """Of the machine, beside work of share 1."""
    alone: bool = False
    """Whether its batches stay small, so that a step takes as little time as it can."""

    @property
    def jumps(self) -> bool:
        """Whether it need not wait until one of the running jobs ends."""
        return self.rank > 0


NORMAL = "Normal"
PRIORITIES: Mapping[str, Priority] = {
    "Low": Priority(-1, 0.25),
    NORMAL: Priority(0, 1.0),
    "High": Priority(1, 2.0),
    "Live": Priority(2, 4.0, alone=True),
}


class Turns(BaseModel):
    """When a job has its turn."""

    priority: Annotated[
        str,
        Parameter(
            "Priority",
            "High goes to the front of the queue; Live also keeps its batches small, for pictures "
            "that somebody watches as they draw; Low gives way. No picture depends on it.",
            None,
            choices=tuple(PRIORITIES),
        ),
    ] = NORMAL
