"""What a picture may follow beside its prompt: pictures, maps, boxes, adapters."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.conditions import (
    IMAGE_ID_PATTERN,
    MAX_BOXES,
    MAX_CONTROLS,
    MAX_LORAS,
    ControlUse,
    LayoutBox,
    LoraUse,
)
from webui.contracts.ids import ImageId
from webui.contracts.parameters.declaration import Parameter


class Inputs(BaseModel):
    """Pictures that the user brings, and small networks beside the model."""

    image: Annotated[
        ImageId | None, Parameter("Image", "Start from this uploaded picture.", "Init image hash")
    ] = Field(None, pattern=IMAGE_ID_PATTERN)
    denoising_strength: Annotated[
        float,
        Parameter(
            "Denoising strength",
            "0 keeps the image, 1 redraws it entirely; for a start image, and for the hires pass.",
            "Denoising strength",
            step=0.01,
        ),
    ] = Field(0.75, ge=0.0, le=1.0, allow_inf_nan=False)
    mask: Annotated[
        ImageId | None,
        Parameter("Mask", "Redraw the image where this picture is white; needs an image.", None),
    ] = Field(None, pattern=IMAGE_ID_PATTERN)
    class_map: Annotated[
        ImageId | None,
        Parameter(
            "Class map",
            "Picture of class numbers (PNG, grey or palette) for a semantic model.",
            None,
        ),
    ] = Field(None, pattern=IMAGE_ID_PATTERN)
    depth_map: Annotated[
        ImageId | None,
        Parameter("Depth map", "Grey picture, white is near, for a depth model.", None),
    ] = Field(None, pattern=IMAGE_ID_PATTERN)
    boxes: Annotated[
        tuple[LayoutBox, ...],
        Parameter("Boxes", "What shall be where, for a layout model.", "Boxes"),
    ] = Field((), max_length=MAX_BOXES)
    controls: Annotated[
        tuple[ControlUse, ...],
        Parameter("Controls", "Controlnets and the pictures that they follow.", None),
    ] = Field((), max_length=MAX_CONTROLS)
    loras: Annotated[
        tuple[LoraUse, ...],
        Parameter("LoRAs", "Small changes to the model, each with its weight.", None),
    ] = Field((), max_length=MAX_LORAS)
    noise_augmentation: Annotated[
        float,
        Parameter(
            "Noise augmentation",
            "How much noise the picture to enlarge is taken to have; for an upscaling model. Stable Diffusion's x4 upscaler takes up "
            "to 0.35: its level 350. For a model that varies pictures (unCLIP): how freely it does.",
            "Noise augmentation",
            step=0.01,
        ),
    ] = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)
