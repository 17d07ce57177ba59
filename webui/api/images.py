"""Images that come in: uploaded once, then named by their id."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.pictures import FOREVER
from webui.api.views import ErrorView, ImageView
from webui.contracts.errors import BadImage
from webui.contracts.ids import ImageId

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {"type": "object", "properties": {"file": _BINARY["schema"]}, "required": ["file"]}
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": _FORM, "application/octet-stream": _BINARY},
    }
}


def images_router(context: ApiContext) -> APIRouter:
    """The routes under /images."""
    router = APIRouter(prefix="/images", tags=["images"])

    @router.post(
        "",
        status_code=201,
        openapi_extra=_BODY,
        responses={400: {"model": ErrorView, "description": "Not a picture, or too large."}},
        summary="Upload an image",
    )
    async def upload(request: Request) -> ImageView:
        """As a form with a field `file`, or as the bare bytes. Equal images get equal ids."""
        data = await image_bytes(request)
        image_id = await run_in_threadpool(context.images.put, data)
        width, height = await run_in_threadpool(context.images.size, image_id)
        return ImageView(id=image_id, width=width, height=height)

    @router.get(
        "/{image_id}",
        responses={404: ANSWERS[404]},
        response_class=FileResponse,
        summary="Get an image",
    )
    def see(image_id: ImageId) -> FileResponse:
        """The image as it is used: a PNG, turned upright."""
        return FileResponse(context.images.path(image_id), media_type="image/png", headers=FOREVER)

    return router


async def image_bytes(request: Request) -> bytes:
    """The uploaded bytes, from either form of upload."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    async with request.form(max_files=1, max_fields=8) as form:
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise BadImage(
                "The form has no file in a field named 'file', which is where the image goes."
            )
        return await upload.read()
