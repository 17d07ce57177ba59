"""An order for a list of prompts, each with settings of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from webui.contracts.request import GenerationRequest

MAX_LIST_JOBS = 1000
"""Most jobs of one list: they are checked one by one before any is queued."""
MAX_LIST_CHARACTERS = 1_000_000
MAX_ROUNDS = 100

Place = Literal["start", "end", "instead"]
Seeds = Literal["own", "same", "next"]


class PromptList(BaseModel):
    """A job for each line; what a line says stands in place of what all have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: GenerationRequest = Field(description="What all have in common.")
    lines: str = Field(
        max_length=MAX_LIST_CHARACTERS,
        description="A prompt a line, or settings as --prompt a red house --steps 20 --seed 5.",
    )
    place: Place = Field(
        "start",
        description="Where a line's prompts stand: before those that all have in common, behind, or in place of them.",
    )
    seeds: Seeds = Field(
        "own",
        description="Of lines that say none: each its own where the seed is -1; the same for all; or the next for each.",
    )
    rounds: int = Field(
        1,
        ge=1,
        le=MAX_ROUNDS,
        description="Jobs of a line that does not say --n_iter, seeds going on.",
    )
