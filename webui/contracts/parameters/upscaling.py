"""How a finished picture is made larger."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.parameters.declaration import Parameter
from webui.contracts.parameters.drawing import SIZE_MULTIPLE

BY_MODEL, LANCZOS, NEAREST = "Model", "Lanczos", "Nearest"
NO_SECOND = "None"
IN_TILES = "Diffusion in tiles"
LEAST_SIDE, LARGEST_SIDE = 64, 4096
USUAL_FACTOR = 4.0
"""How many times resampling enlarges where a request does not say."""


class Upscaling(BaseModel):
    """Parameters of the upscale tab."""

    upscaler: Annotated[
        str,
        Parameter(
            "Upscaler",
            "What enlarges the image: a model made for it, a network such as upscalers/RealESRGAN_x4plus, "
            "resampling, which draws nothing new, or a text model that redraws it tile by tile.",
            "Postprocess upscaler",
            choices=(BY_MODEL, LANCZOS, NEAREST, IN_TILES),
            names_adapter="upscaler",
            extensible=True,
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
    upscale_width: Annotated[
        int | None,
        Parameter(
            "Upscale to width",
            "Pixels to enlarge to, instead of a factor; with a height too, edges are cut.",
            None,
            step=SIZE_MULTIPLE,
            empty="by the factor",
        ),
    ] = Field(None, ge=LEAST_SIDE, le=LARGEST_SIDE, multiple_of=SIZE_MULTIPLE)
    upscale_height: Annotated[
        int | None,
        Parameter(
            "Upscale to height",
            "Pixels to enlarge to, instead of a factor; with a width too, edges are cut.",
            None,
            step=SIZE_MULTIPLE,
            empty="by the factor",
        ),
    ] = Field(None, ge=LEAST_SIDE, le=LARGEST_SIDE, multiple_of=SIZE_MULTIPLE)
    upscaler_2: Annotated[
        str,
        Parameter(
            "Second upscaler",
            "What enlarges the image once more, to be laid over the first one's picture.",
            "Postprocess upscaler 2",
            choices=(NO_SECOND, LANCZOS, NEAREST),
            names_adapter="upscaler",
            extensible=True,
        ),
    ] = Field(NO_SECOND, max_length=500)
    upscaler_2_visibility: Annotated[
        float,
        Parameter(
            "Its visibility",
            "How much of the second upscaler's picture is seen: 0 is the first's alone, 1 the second's.",
            "Postprocess upscaler 2 visibility",
            step=0.01,
        ),
    ] = Field(0.5, ge=0.0, le=1.0, allow_inf_nan=False)
    tile_upscaler: Annotated[
        str,
        Parameter(
            "Enlarge first by",
            "What enlarges the image before a text model redraws it in tiles.",
            "Tile upscaler",
            choices=(LANCZOS, NEAREST),
            names_adapter="upscaler",
            extensible=True,
        ),
    ] = Field(LANCZOS, max_length=500)
    tile_strength: Annotated[
        float,
        Parameter(
            "Tile denoising strength",
            "How much is redrawn in tiles: 0 keeps the enlarged image; much more than 0.5 puts the prompt into "
            "every tile.",
            "Tile denoising strength",
            step=0.01,
        ),
    ] = Field(0.35, ge=0.0, le=1.0, allow_inf_nan=False)
    tile_size: Annotated[
        int | None,
        Parameter(
            "Tile size",
            "Pixels along a side of what the model draws at once.",
            "Tile size",
            step=64,
            empty="the model's own size",
        ),
    ] = Field(None, ge=128, le=1024, multiple_of=64)
    tile_overlap: Annotated[
        float,
        Parameter(
            "Tile overlap",
            "Share of a tile's side that neighbours draw both, at least: more hides borders better and takes longer.",
            "Tile overlap",
            step=0.05,
            soft_maximum=0.5,
        ),
    ] = Field(0.25, ge=0.0, le=0.5, allow_inf_nan=False)

    @property
    def upscales_to_size(self) -> bool:
        """Whether a size is asked for, instead of a factor."""
        return self.upscale_width is not None or self.upscale_height is not None

    def factor_to_size(self, image_size: tuple[int, int]) -> float:
        """How many times as large an image must become to fill the size that is asked for."""
        asked = (self.upscale_width or 0, self.upscale_height or 0)
        return max(side / own for side, own in zip(asked, image_size, strict=True))

    @property
    def blends(self) -> bool:
        """Whether a second upscaler's picture is laid over the first's."""
        return self.upscaler_2 != NO_SECOND and self.upscaler_2_visibility > 0

    @property
    def is_drawn_in_tiles(self) -> bool:
        """Whether a text model redraws the enlarged image."""
        return self.upscaler == IN_TILES
