"""What flow-matching models (Stable Diffusion 3, FLUX) and distilled ones are told beside the prompt."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter


class FlowParameters(BaseModel):
    """Settings that other models have no use for."""

    distilled_guidance_scale: Annotated[
        float,
        Parameter(
            "Distilled guidance",
            "Guidance that FLUX dev and LCM models were taught, at no further cost; other models ignore it.",
            "Distilled CFG Scale",
            step=0.1,
            soft_maximum=10,
        ),
    ] = Field(3.5, ge=0.0, le=100.0, allow_inf_nan=False)
    flow_shift: Annotated[
        float | None,
        Parameter(
            "Flow shift",
            "Moves the steps of SD 3 and FLUX towards noise; empty means the model's own.",
            "Shift",
            step=0.1,
            empty="model's own",
        ),
    ] = Field(None, ge=0.01, le=100.0, allow_inf_nan=False)
