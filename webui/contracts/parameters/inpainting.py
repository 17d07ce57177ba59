"""How the part of a picture under a mask is redrawn."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter

MASKED, NOT_MASKED = "Inpaint masked", "Inpaint not masked"
FILL, ORIGINAL, LATENT_NOISE, LATENT_NOTHING = "fill", "original", "latent noise", "latent nothing"
WHOLE_PICTURE, ONLY_MASKED = "Whole picture", "Only masked"


class Inpainting(BaseModel):
    """Parameters that count beside a mask; names and values are AUTOMATIC1111's."""

    mask_blur: Annotated[
        int,
        Parameter("Mask blur", "Pixels over which old and new are mixed at the mask's edge.", "Mask blur"),
    ] = Field(4, ge=0, le=64)  # fmt: skip
    mask_blur_y: Annotated[
        int | None,
        Parameter("Mask blur, vertical", "Another blur up and down.", "Mask blur Y", empty="the same"),
    ] = Field(None, ge=0, le=64)  # fmt: skip
    mask_mode: Annotated[
        str,
        Parameter(
            "Mask mode",
            "Whether what is painted over is redrawn, or everything else.",
            "Mask mode",
            choices=(MASKED, NOT_MASKED),
        ),
    ] = Field(MASKED)
    masked_content: Annotated[
        str,
        Parameter(
            "Masked content",
            "What drawing begins with under the mask: the colours around it, the original, noise or nothing.",
            "Masked content",
            choices=(FILL, ORIGINAL, LATENT_NOISE, LATENT_NOTHING),
        ),
    ] = Field(ORIGINAL)
    inpaint_area: Annotated[
        str,
        Parameter(
            "Inpaint area",
            "Only masked draws the part around the mask at the full size and puts it back.",
            "Inpaint area",
            choices=(WHOLE_PICTURE, ONLY_MASKED),
        ),
    ] = Field(WHOLE_PICTURE)
    masked_padding: Annotated[
        int,
        Parameter(
            "Only masked padding",
            "Pixels around the mask that are drawn along, so that the new part fits.",
            "Masked area padding",
            step=4,
        ),
    ] = Field(32, ge=0, le=256)
    inpainting_mask_weight: Annotated[
        float,
        Parameter(
            "Conditional mask weight",
            "How much of what is under the mask is hidden from a model made for inpainting; less than 1 keeps its shapes.",
            "Conditional mask weight",
            step=0.01,
        ),
    ] = Field(1.0, ge=0.0, le=1.0, allow_inf_nan=False)
