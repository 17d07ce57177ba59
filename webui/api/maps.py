"""Maps of classes: the palettes they are painted in, and a first map from a photograph."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import ImageView, View
from webui.contracts.ids import ImageId, ModelId
from webui.contracts.palettes import MODELS_OWN, Palette, palette_of, palettes
from webui.services.photo_maps import map_from_photo

_Level = Annotated[int, Field(ge=0, le=255)]
_Colour = tuple[_Level, _Level, _Level]


class PaletteView(View):
    """Classes and the colours that show them; a class's place is its number in a map."""

    name: str
    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...] = Field(description="Red, green, blue of each.")
    words: tuple[str, ...] = Field(description="What is asked for where a class is, by itself.")


class PhotoReading(BaseModel):
    """How a photograph becomes a map."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    colours: tuple[_Colour, ...] = Field(
        min_length=1, max_length=256, description="Of the classes, in the order of their numbers."
    )
    clusters: int = Field(
        8, ge=2, le=24, description="How many colours the photograph is brought down to."
    )


def _view(name: str, palette: Palette) -> PaletteView:
    words = tuple(palette.words_of(value) for value in range(len(palette.classes)))
    return PaletteView(name=name, classes=palette.classes, colours=palette.colours, words=words)


def maps_router(context: ApiContext) -> APIRouter:
    """The routes /palettes and /images/{id}/class-map."""
    router = APIRouter(tags=["maps"])

    @router.get("/palettes", summary="List the palettes of class maps")
    def list_palettes(model: ModelId | None = None) -> list[PaletteView]:
        """What `map_palette` of a request can name; the own one is that of `model`, or the world's."""
        classes = context.catalog.get(model).classes if model else ()
        own = palette_of(MODELS_OWN, classes)
        named = {**({MODELS_OWN: own} if own else {}), **palettes()}
        named |= context.extensions.studio.palettes()
        return [_view(name, palette) for name, palette in named.items()]

    @router.post(
        "/images/{image_id}/class-map",
        status_code=201,
        responses={404: ANSWERS[404]},
        summary="Read a picture into a first class map",
    )
    def read(image_id: ImageId, how: PhotoReading) -> ImageView:
        """Its colours are gathered into areas, each given the class of the nearest colour."""
        made = map_from_photo(context.images, image_id, how.colours, how.clusters)
        width, height = context.images.size(made)
        return ImageView(id=made, width=width, height=height)

    return router
