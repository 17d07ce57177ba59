"""Further models of one picture: that which finishes it, and that of its second pass."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.ids import ModelId
from webui.contracts.parameters.declaration import Parameter

AUTOMATIC = "Automatic"


class OtherModels(BaseModel):
    """Models beside the one that begins the picture; none where left empty."""

    refiner: Annotated[
        ModelId,
        Parameter(
            "Refiner",
            "The checkpoint that draws the last steps, without LoRAs and controls; empty is none.",
            "Refiner",
            names_model=True,
        ),
    ] = Field(ModelId(""), max_length=500)
    refiner_switch_at: Annotated[
        float,
        Parameter(
            "Switch at",
            "Share of the steps after which the refiner draws.",
            "Refiner switch at",
            step=0.05,
        ),
    ] = Field(0.8, ge=0.0, le=1.0, allow_inf_nan=False)
    hires_model: Annotated[
        ModelId,
        Parameter(
            "Hires checkpoint",
            "The checkpoint of the second pass; empty means the same.",
            "Hires checkpoint",
            names_model=True,
        ),
    ] = Field(ModelId(""), max_length=500)
    vae: Annotated[
        str,
        Parameter(
            "VAE",
            "The first stage, which turns latents into pictures; Automatic is the model's own.",
            "VAE",
            choices=(AUTOMATIC,),
            names_adapter="vae",
        ),
    ] = Field(AUTOMATIC, max_length=500)
