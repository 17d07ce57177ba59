"""How a picture to start from is taken in, and what of it the result keeps."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter

JUST_RESIZE, CROP, RESIZE_AND_FILL = "Just resize", "Crop and resize", "Resize and fill"
JUST_RESIZE_LATENT = "Just resize (latent upscale)"
COLOUR_PATTERN = r"^#[0-9a-fA-F]{6}$"


class StartImage(BaseModel):
    """Parameters that count beside an image; names and values are AUTOMATIC1111's."""

    resize_mode: Annotated[
        str,
        Parameter(
            "Resize mode",
            "How an image of another shape is brought to the size: stretched, cropped, or with its edge drawn out.",
            "Resize mode",
            choices=(JUST_RESIZE, CROP, RESIZE_AND_FILL, JUST_RESIZE_LATENT),
        ),
    ] = Field(CROP)
    background: Annotated[
        str,
        Parameter(
            "Background",
            "Colour behind what is see-through in the image, as #rrggbb.",
            "Image background",
            lines=(1, 1),
        ),
    ] = Field("#ffffff", pattern=COLOUR_PATTERN)
    exact_steps: Annotated[
        bool,
        Parameter(
            "Exact steps",
            "Take all the steps at any denoising strength, instead of the strength's share of them.",
            "Exact steps",
        ),
    ] = Field(False)
    noise_multiplier: Annotated[
        float,
        Parameter(
            "Noise multiplier",
            "Less than 1 keeps more of the image and smooths it, more adds detail.",
            "Noise multiplier",
            step=0.01,
            soft_maximum=1.5,
        ),
    ] = Field(1.0, ge=0.0, le=1.5, allow_inf_nan=False)
    colour_correction: Annotated[
        bool,
        Parameter(
            "Colour correction",
            "Give the result the image's colours, which drawing can shift.",
            "Color correction",
        ),
    ] = Field(False)
