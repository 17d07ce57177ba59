"""Maps of classes: the palettes they are painted in, and a first map from a photograph."""

from __future__ import annotations

from concurrent.futures import TimeoutError as NoAnswer  # not Python's own before 3.11
from typing import Annotated

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import ImageView, View
from webui.contracts.errors import FieldProblem, InvalidField, JobFailed
from webui.contracts.ids import AdapterId, ImageId, ModelId
from webui.contracts.palettes import MODELS_OWN, Palette, palette_of, palettes
from webui.services.named_maps import keep_named_map
from webui.services.photo_maps import map_from_photo

READING_SECONDS = 120

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
    classes: tuple[str, ...] = Field(
        (), max_length=256, description="Names of the classes; needed beside a segmenter."
    )
    segmenter: AdapterId = Field(
        AdapterId(""), max_length=500,
        description="Id of a segmenter of GET /api/v1/adapters, which sees what is in the picture; '' gathers colours.",
    )  # fmt: skip
    clusters: int = Field(
        8, ge=2, le=24, description="How many colours the photograph is brought down to."
    )


def _view(name: str, palette: Palette) -> PaletteView:
    words = tuple(palette.words_of(value) for value in range(len(palette.classes)))
    return PaletteView(name=name, classes=palette.classes, colours=palette.colours, words=words)


def _seen(image_id: ImageId, how: PhotoReading, context: ApiContext) -> ImageId:
    """The map of what a segmenter sees."""
    if len(set(how.classes)) != len(how.colours):
        expected = f"{len(how.colours)} different names, one a colour"
        raise InvalidField([FieldProblem("classes", f"{len(how.classes)} names", expected)])
    info = context.catalog.adapter("segmenter", how.segmenter)
    waiting = context.dispatcher.read_classes(info, str(context.images.path(image_id)))
    try:
        read = waiting.result(READING_SECONDS)
    except NoAnswer:
        raise JobFailed(
            f"The segmenter {str(info.id)!r} has not answered for {READING_SECONDS} seconds. The engine may be busy; try again."
        ) from None
    numbers = np.frombuffer(read.data, np.uint8).reshape(read.height, read.width)
    painted = dict(zip(how.classes, how.colours, strict=True))
    return keep_named_map(context.images, image_id, numbers, info.classes, painted)


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
        """By a segmenter, or its colours are gathered into areas, each given the class of the nearest colour."""
        if how.segmenter:
            made = _seen(image_id, how, context)
        else:
            made = map_from_photo(context.images, image_id, how.colours, how.clusters)
        width, height = context.images.size(made)
        return ImageView(id=made, width=width, height=height)

    return router
