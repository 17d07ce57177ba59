"""What a flow model is put together from, wherever it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.clip import ClipTower
from webui.engine.families.parts import ReadFirstStage
from webui.engine.families.t5_parts import T5Tower


@dataclass(frozen=True, eq=False)
class FlowParts:
    """Networks on their device and what is needed to use them."""

    transformer: Any  # diffusers' networks are typed loosely
    first_stage: ReadFirstStage
    towers: tuple[ClipTower, ...]
    t5: T5Tower | None
    schedule: Mapping[str, Any]
    """As in a diffusers scheduler's config."""
    lacks: str | None = None
    """Why T5 is not read, where there is more to say than that it is not there."""

    @property
    def networks(self) -> list[Any]:
        """All that have weights."""
        texts = [tower.encoder for tower in self.towers]
        texts += [] if self.t5 is None else [self.t5.encoder]
        return [self.transformer, self.first_stage.vae, *texts]


def stored_precision_of(checkpoint: CheckpointInfo) -> str:
    """Storage type of a flow model's weights: bfloat16, in which it was made, where the file has eight bits or fewer."""
    return "BF16" if checkpoint.packed or checkpoint.dtype.startswith("F8") else checkpoint.dtype
