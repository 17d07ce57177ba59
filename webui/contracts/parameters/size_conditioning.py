"""Numbers that SDXL is told beside the prompt (Podell et al. 2023, section 2.2); others ignore them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter

_AS_DRAWN = "as drawn"


class SizeConditioning(BaseModel):
    """What a picture is said to be. Left alone, it is said to be what it is: whole, and of its size."""

    original_width: Annotated[
        int | None,
        Parameter(
            "Original width",
            "SDXL: width of the photograph that the picture is said to come from; small ones look blurred.",
            "SDXL original width",
            step=8,
            empty=_AS_DRAWN,
        ),
    ] = Field(None, ge=0, le=16384)
    original_height: Annotated[
        int | None,
        Parameter(
            "Original height",
            "SDXL: height of the photograph that the picture is said to come from; small ones look blurred.",
            "SDXL original height",
            step=8,
            empty=_AS_DRAWN,
        ),
    ] = Field(None, ge=0, le=16384)
    target_width: Annotated[
        int | None,
        Parameter(
            "Target width",
            "SDXL: width that the picture is said to be made for.",
            "SDXL target width",
            step=8,
            empty=_AS_DRAWN,
        ),
    ] = Field(None, ge=0, le=16384)
    target_height: Annotated[
        int | None,
        Parameter(
            "Target height",
            "SDXL: height that the picture is said to be made for.",
            "SDXL target height",
            step=8,
            empty=_AS_DRAWN,
        ),
    ] = Field(None, ge=0, le=16384)
    crop_left: Annotated[
        int,
        Parameter(
            "Crop left",
            "SDXL: pixels that are said to be cut off at the left; 0 keeps things in the middle.",
            "SDXL crop left",
            step=8,
            soft_maximum=1024,
        ),
    ] = Field(0, ge=0, le=16384)
    crop_top: Annotated[
        int,
        Parameter(
            "Crop top",
            "SDXL: pixels that are said to be cut off at the top; 0 keeps things in the middle.",
            "SDXL crop top",
            step=8,
            soft_maximum=1024,
        ),
    ] = Field(0, ge=0, le=16384)
    aesthetic_score: Annotated[
        float,
        Parameter(
            "Aesthetic score",
            "SDXL's refiner: how beautiful the picture shall be, of about 2 to 7.",
            "SDXL high aesthetic score",
            step=0.1,
            soft_maximum=10,
        ),
    ] = Field(6.0, ge=0.0, le=100.0, allow_inf_nan=False)
    negative_aesthetic_score: Annotated[
        float,
        Parameter(
            "Negative aesthetic score",
            "SDXL's refiner: how beautiful the picture that it is guided away from is.",
            "SDXL low aesthetic score",
            step=0.1,
            soft_maximum=10,
        ),
    ] = Field(2.5, ge=0.0, le=100.0, allow_inf_nan=False)
