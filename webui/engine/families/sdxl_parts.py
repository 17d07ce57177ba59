"""What an SDXL model is made of, whichever way it is on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from webui.engine.clip import ClipTower
from webui.engine.denoisers import NoiseLevels
from webui.engine.families.parts import ReadFirstStage


@dataclass(frozen=True, eq=False)
class XlParts:
    """Networks on their device."""

    # Any: diffusers' networks are typed loosely.
    unet: Any
    first_stage: ReadFirstStage
    towers: tuple[ClipTower, ...]
    """Text encoders; the refiner has the second alone."""
    levels: NoiseLevels
    zeroes_empty_negative: bool
    """Whether an empty negative prompt is all 0."""
