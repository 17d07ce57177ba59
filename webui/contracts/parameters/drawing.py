"""What every picture has: prompt, model, sampling, size, seeds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.choices import AUTOMATIC, SAMPLERS, SCHEDULES
from webui.contracts.ids import ModelId
from webui.contracts.parameters.declaration import Parameter

MAX_SEED = 2**32 - 1
MAX_PROMPT_CHARACTERS = 20_000
SIZE_MULTIPLE = 8


class Drawing(BaseModel):
    """The parameters that every tab shows."""

    prompt: Annotated[str, Parameter("Prompt", "What the picture shows.", None, lines=(4, 12))] = (
        Field(max_length=MAX_PROMPT_CHARACTERS)
    )
    negative_prompt: Annotated[
        str,
        Parameter(
            "Negative prompt",
            "What the picture should stay away from.",
            "Negative prompt",
            lines=(1, 8),
        ),
    ] = Field("", max_length=MAX_PROMPT_CHARACTERS)
    model: Annotated[
        ModelId,
        Parameter("Model", "The checkpoint that draws; empty means the first one.", "Model"),
    ] = Field(ModelId(""), max_length=500)
    sampler: Annotated[
        str,
        Parameter(
            "Sampler",
            "The method that walks from noise to picture.",
            "Sampler",
            choices=tuple(info.name for info in SAMPLERS),
            extensible=True,
        ),
    ] = Field("DPM++ 2M")
    schedule: Annotated[
        str,
        Parameter(
            "Schedule",
            "How the noise levels are spaced.",
            "Schedule type",
            choices=tuple(SCHEDULES),
            extensible=True,
        ),
    ] = Field(AUTOMATIC)
    steps: Annotated[
        int,
        Parameter("Steps", "More steps are slower and usually finer.", "Steps", soft_maximum=150),
    ] = Field(20, ge=1, le=1000)
    guidance_scale: Annotated[
        float,
        Parameter(
            "Guidance scale",
            "How strongly the picture follows the prompt; 1 switches guidance off.",
            "CFG scale",
            step=0.5,
            soft_maximum=30,
        ),
    ] = Field(5.0, ge=1.0, le=100.0, allow_inf_nan=False)
    width: Annotated[
        int | None, Parameter("Width", "Pixels; empty means the model's own size.", None, step=8)
    ] = Field(None, ge=64, le=4096, multiple_of=SIZE_MULTIPLE)
    height: Annotated[
        int | None, Parameter("Height", "Pixels; empty means the model's own size.", None, step=8)
    ] = Field(None, ge=64, le=4096, multiple_of=SIZE_MULTIPLE)
    seed: Annotated[
        int, Parameter("Seed", "Equal seeds give equal pictures; -1 draws a new one.", "Seed")
    ] = Field(-1, ge=-1, le=MAX_SEED)
    variation_seed: Annotated[
        int,
        Parameter(
            "Variation seed",
            "Noise that is mixed in by the variation strength; -1 draws a new one.",
            "Variation seed",
        ),
    ] = Field(-1, ge=-1, le=MAX_SEED)
    variation_strength: Annotated[
        float,
        Parameter(
            "Variation strength",
            "0 is the seed's own picture, 1 the variation seed's; small values are near relations.",
            "Variation seed strength",
            step=0.01,
        ),
    ] = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    count: Annotated[
        int,
        Parameter(
            "Count",
            "Pictures to make; picture i uses seed + i, or variation seed + i where that is mixed in.",
            None,
            soft_maximum=100,
        ),
    ] = Field(1, ge=1, le=100)
