"""Models that are made of others: what is ordered, and how it stands."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from webui.contracts.ids import AdapterId, MakingId, ModelId

Kind = Literal["merge", "lora", "convert"]
Ratio = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
BLOCKS = 26
"""Of a row of ratios: BASE, IN00 to IN11, M00, OUT00 to OUT11."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoraShare(_Frozen):
    """A LoRA that is put in for good."""

    id: AdapterId = Field(max_length=500)
    weight: Ratio = 1.0


class MakingOrder(_Frozen):
    """How a model is made; its recipe is kept in what is made."""

    name: str = Field(min_length=1, max_length=200, description="What it is called from then on.")
    models: tuple[ModelId, ...] = Field(
        min_length=1, max_length=3, description="A, or A and B, or A, B and C; ids as listed."
    )
    method: Literal["sum", "difference"] = Field(
        "sum", description="A (1 - m) + B m, or A + m (B - C)."
    )
    ratio: Ratio = Field(0.5, description="m of the formula.")
    blocks: tuple[Ratio, ...] = Field(
        (),
        max_length=BLOCKS,
        description="Instead of m, one for each block: BASE, IN00 to IN11, M00, OUT00 to OUT11.",
    )
    loras: tuple[LoraShare, ...] = Field((), max_length=20)
    precision: Literal["fp32", "fp16", "bf16", "fp8"] | None = Field(
        None, description="Of what is written; open: as in A."
    )
    layout: Literal["folder", "file"] | None = Field(
        None, description="A diffusers folder or a single file; open: as A."
    )
    prune: bool = Field(False, description="Leave out averaged weights, which nothing draws with.")

    @property
    def kind(self) -> Kind:
        """What is done, in a word."""
        if len(self.models) > 1:
            return "merge"
        return "lora" if self.loras else "convert"


class MakingState(str, Enum):
    """Where a making is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The studio ended before it was done."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self not in (MakingState.WAITING, MakingState.RUNNING)


class Making(_Frozen):
    """A snapshot of one."""

    id: MakingId
    order: MakingOrder
    target: str
    """Folder or file below `models/`, '/' separated, where it will be, whole."""
    state: MakingState = MakingState.WAITING
    bytes_done: int = 0
    bytes_total: int | None = None
    """About; None until it is known."""
    error: str | None = None
    """A sentence, when failed."""
    created: float = 0.0
    finished: float | None = None
