"""Finished pictures: list, see, reuse, delete, bring back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.views import ImageIdView, ParametersView, PictureView, picture_view
from webui.contracts.ids import PictureId
from webui.contracts.picture_search import MAX_SEARCH_CHARACTERS, parse_search
from webui.services.picture_archive import archive
from webui.services.picture_files import MEDIA_TYPES

MISSING: dict[int | str, dict[str, Any]] = {404: ANSWERS[404]}
SEARCH = (
    'Words of the prompt, all of which must be there (their beginnings suffice); "words in quotes" stand so and whole; '
    "-word must not be there. Keys: negative:, model:, sampler:, seed:7, date:2026-11-27 (or 2026-11, 2026), after:, "
    "before: (of the studio's clock)."
)
SEARCHED = 'boat "red sail" -night model:text after:2026-10'
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
"""What an id names never changes."""


MOST_ARCHIVED = 500
"""Pictures in one file."""


class ArchiveView(BaseModel):
    """Pictures that shall be in one file."""

    model_config = ConfigDict(extra="forbid")

    pictures: tuple[PictureId, ...] = Field(
        min_length=1, max_length=MOST_ARCHIVED, description="Their ids, in the order of the file."
    )


def pictures_router(context: ApiContext) -> APIRouter:
    """The routes under /pictures."""
    router = APIRouter(prefix="/pictures", tags=["pictures"])
    _add_reading(router, context)
    _add_files(router, context)
    _add_changing(router, context)
    return router


def _add_reading(router: APIRouter, context: ApiContext) -> None:

    @router.get(
        "",
        responses={
            400: ANSWERS[404] | {"description": "A search that cannot be read."},
            422: ANSWERS[422],
        },
        summary="List or search pictures, newest first",
    )
    def recent(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[float | None, Query(description="Created before this time.")] = None,
        batch: Annotated[str, Query(description="Of this batch alone.")] = "",
        search: Annotated[
            str, Query(max_length=MAX_SEARCH_CHARACTERS, description=SEARCH, examples=[SEARCHED])
        ] = "",
    ) -> list[PictureView]:
        """One page of pictures; the last one's `created` is `before` of the next page."""
        wanted = parse_search(search)
        return [
            picture_view(found) for found in context.gallery.recent(limit, before, batch, wanted)
        ]

    @router.get("/{picture_id}/parameters", responses=MISSING, summary="See what it was made with")
    def parameters(picture_id: PictureId) -> ParametersView:
        """The request that makes exactly this picture again, and the same as a text."""
        request = context.gallery.request_of(picture_id)
        return ParametersView(
            request=request,
            infotext=context.gallery.infotext_of(picture_id),
            chosen=tuple(request.model_dump(exclude_defaults=True)),
            notes=context.parameters.absent(request),
        )


def _add_files(router: APIRouter, context: ApiContext) -> None:

    @router.get(
        "/{picture_id}", responses=MISSING, response_class=FileResponse, summary="Get a picture"
    )
    def see(picture_id: PictureId) -> FileResponse:
        """The file: a PNG, or what the settings say, with what it was made with in its metadata."""
        path = context.gallery.path(picture_id)
        return FileResponse(
            path,
            media_type=MEDIA_TYPES[path.suffix],
            filename=path.name,
            content_disposition_type="inline",
            headers=FOREVER,
        )

    @router.get(
        "/{picture_id}/thumbnail",
        responses=MISSING,
        response_class=Response,
        summary="Get it small",
    )
    def thumbnail(
        picture_id: PictureId, size: Annotated[int, Query(ge=16, le=1024)] = 256
    ) -> Response:
        """A WebP whose longer side is `size` pixels."""
        data = context.gallery.thumbnail(picture_id, size)
        return Response(data, media_type="image/webp", headers=FOREVER)

    @router.post(
        "/archive",
        responses={**MISSING, 422: ANSWERS[422]},
        response_class=StreamingResponse,
        summary="Get several in one file",
    )
    def archived(wanted: ArchiveView) -> StreamingResponse:
        """A ZIP file of the pictures' files; nothing is sent where one of them is not there."""
        files = [context.gallery.path(picture_id) for picture_id in dict.fromkeys(wanted.pictures)]
        told = {"content-disposition": 'attachment; filename="pictures.zip"'}
        return StreamingResponse(archive(files), media_type="application/zip", headers=told)


def _add_changing(router: APIRouter, context: ApiContext) -> None:

    @router.delete("/{picture_id}", status_code=204, responses=MISSING, summary="Delete a picture")
    def delete(picture_id: PictureId) -> None:
        """It goes to the bin, from which it can be restored."""
        context.gallery.delete(picture_id)

    @router.post("/{picture_id}/restore", responses=MISSING, summary="Bring a deleted picture back")
    def restore(picture_id: PictureId) -> PictureView:
        """Out of the bin again."""
        return picture_view(context.gallery.restore(picture_id))

    @router.post("/{picture_id}/image", responses=MISSING, status_code=201, summary="Start from it")
    def as_image(picture_id: PictureId) -> ImageIdView:
        """Make a picture a start image; `image` in a request takes the id."""
        return ImageIdView(id=context.images.put(context.gallery.path(picture_id).read_bytes()))
