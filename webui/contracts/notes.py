"""What a person says of a model or an adapter: it wins over what its files say."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MAX_NOTE_CHARACTERS = 20_000


class Defaults(BaseModel):
    """Settings that suit a model, where a request is silent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampler: str | None = None
    schedule: str | None = None
    steps: int | None = None
    guidance_scale: float | None = None


class Notes(BaseModel):
    """What is noted of one model or adapter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field("", max_length=MAX_NOTE_CHARACTERS)
    triggers: tuple[str, ...] = Field((), max_length=100, description="Words that call it.")
    weight: float | None = Field(None, ge=-10, le=10, description="Preferred weight of a LoRA.")
    base: str = Field(
        "", max_length=100, description="What it is made for, where its file is silent."
    )
    defaults: Defaults = Defaults()
