"""How pictures from elsewhere were made: told by a text, or by what is written in their files."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from webui.api.context import ApiContext
from webui.api.images import image_bytes
from webui.api.views import ErrorView, ParametersReadView, WaitingControlView, shown

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            "application/octet-stream": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": _BINARY["schema"]},
                    "required": ["file"],
                }
            },
        },
    }
}
_NOTHING: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorView, "description": "It tells of no picture."}
}
MAX_TEXT_BYTES = 200_000


def parameters_router(context: ApiContext) -> APIRouter:
    """The route /parameters/reading."""
    router = APIRouter(prefix="/parameters", tags=["pictures"])

    @router.post(
        "/reading", openapi_extra=_BODY, responses=_NOTHING, summary="Read how a picture was made"
    )
    async def reading(request: Request) -> ParametersReadView:
        """A `parameters` text as text/plain, or a picture's file.

        Of Easel, AUTOMATIC1111, Forge, SD.Next or Civitai. Nothing is ordered and nothing is kept.
        """
        if request.headers.get("content-type", "").startswith("text/plain"):
            text = (await request.body())[:MAX_TEXT_BYTES].decode("utf-8", "replace")
            read = await run_in_threadpool(context.parameters.read_text, text)
        else:
            data = await image_bytes(request)
            read = await run_in_threadpool(context.parameters.read_picture, data)
        return ParametersReadView(
            fields=dict(read.fields),
            notes=read.notes,
            others=dict(read.others),
            waiting_controls=tuple(shown(WaitingControlView, one) for one in read.waiting),
        )

    return router
