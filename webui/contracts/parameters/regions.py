"""How a class map or boxes steer a picture: by which of three drivers, with which words for each class."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.conditions import MAX_REGIONS, RegionPrompt
from webui.contracts.palettes import CHOICES, MODELS_OWN
from webui.contracts.parameters.declaration import Parameter

AUTOMATIC_DRIVER = "Automatic"
NATIVE, CONTROLNET, REGION_PROMPTS = "Native", "Segmentation ControlNet", "Region prompts"


class Regions(BaseModel):
    """Parameters that count beside a class map or boxes."""

    map_driver: Annotated[
        str,
        Parameter(
            "Driver",
            "What follows the map: the model itself, a ControlNet for class maps, or one prompt a "
            "class, mixed at every step, which any model that reads text can do.",
            "Map driver",
            choices=(AUTOMATIC_DRIVER, NATIVE, CONTROLNET, REGION_PROMPTS),
        ),
    ] = AUTOMATIC_DRIVER
    map_palette: Annotated[
        str,
        Parameter(
            "Palette",
            "What the numbers of the map stand for: the model's classes (the world's where it has "
            "none), those of a data set, or your own.",
            "Map palette",
            choices=CHOICES,
            extensible=True,
        ),
    ] = MODELS_OWN
    regions: Annotated[
        tuple[RegionPrompt, ...],
        Parameter(
            "Region prompts", "For each class of the map, its words and weight.", "Region prompts"
        ),
    ] = Field((), max_length=MAX_REGIONS)
    region_base: Annotated[
        float,
        Parameter(
            "Share of the whole",
            "How much the prompt of the whole picture counts within regions.",
            "Region base",
            step=0.05,
        ),
    ] = Field(0.2, ge=0.0, le=1.0, allow_inf_nan=False)
    region_attention: Annotated[
        float,
        Parameter(
            "Attention by region",
            "How much the prompt of the whole looks at each region's words where that region is, in models "
            "that attend to text apart from the picture, as Stable Diffusion and SDXL do.",
            "Region attention",
            step=0.05,
        ),
    ] = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)
