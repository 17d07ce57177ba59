"""How a finished picture is made larger."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter

BY_MODEL, LANCZOS, NEAREST = "Model", "Lanczos", "Nearest"
USUAL_FACTOR = 4.0
"""How many times resampling enlarges where a request does not say."""


class Upscaling(BaseModel):
    """Parameters of the upscale tab."""

    upscaler: Annotated[
        str,
        Parameter(
            "Upscaler",
            "What enlarges the image: a model made for it, a network such as upscalers/RealESRGAN_x4plus, or "
            "resampling, which draws nothing new.",
            "Postprocess upscaler",
            choices=(BY_MODEL, LANCZOS, NEAREST),
            names_adapter="upscaler",
        ),
    ] = Field(BY_MODEL, max_length=500)
    upscale_factor: Annotated[
        float | None,
        Parameter(
            "Upscale by",
            "How many times as wide and high; a model's result is resampled to it.",
            "Postprocess upscale by",
            step=0.25,
            empty="four times",
        ),
    ] = Field(None, ge=1.0, le=8.0, allow_inf_nan=False)
