"""Soft inpainting: old and new are mixed at every step, by degrees, and laid over by how far they differ.

The six settings and their ranges are those that AUTOMATIC1111's users know.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter


class SoftInpainting(BaseModel):
    """Settings of soft inpainting; it is off where left alone."""

    soft_inpainting: Annotated[
        bool,
        Parameter(
            "Soft inpainting",
            "Let new and old melt into one another where the mask is blurred.",
            "Soft inpainting enabled",
        ),
    ] = Field(False)
    soft_schedule_bias: Annotated[
        float,
        Parameter(
            "Schedule bias",
            "Shifts when the original is kept: above 1 at high noise, below 1 at low noise.",
            "Soft inpainting schedule bias",
            step=0.1,
            soft_maximum=8,
        ),
    ] = Field(1.0, ge=0.0, le=8.0, allow_inf_nan=False)
    soft_preservation: Annotated[
        float,
        Parameter(
            "Preservation strength",
            "How strongly half-masked content is kept.",
            "Soft inpainting preservation strength",
            step=0.05,
            soft_maximum=8,
        ),
    ] = Field(0.5, ge=0.0, le=8.0, allow_inf_nan=False)
    soft_contrast_boost: Annotated[
        float,
        Parameter(
            "Transition contrast boost",
            "Restores the contrast that is lost where old and new are mixed.",
            "Soft inpainting transition contrast boost",
            step=0.5,
            soft_maximum=32,
        ),
    ] = Field(4.0, ge=1.0, le=32.0, allow_inf_nan=False)
    soft_mask_influence: Annotated[
        float,
        Parameter(
            "Mask influence",
            "How much the mask itself says what is laid over, rather than what has changed.",
            "Soft inpainting mask influence",
            step=0.05,
        ),
    ] = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    soft_difference_threshold: Annotated[
        float,
        Parameter(
            "Difference threshold",
            "How far a place must have changed for half of the new to be laid over.",
            "Soft inpainting difference threshold",
            step=0.05,
            soft_maximum=8,
        ),
    ] = Field(0.5, ge=0.0, le=8.0, allow_inf_nan=False)
    soft_difference_contrast: Annotated[
        float,
        Parameter(
            "Difference contrast",
            "How sharply kept and changed places part.",
            "Soft inpainting difference contrast",
            step=0.1,
            soft_maximum=8,
        ),
    ] = Field(2.0, ge=0.0, le=8.0, allow_inf_nan=False)
