"""All of /sdapi/v1 as one router: a table of contents."""

from __future__ import annotations

from fastapi import APIRouter

from webui.api.context import ApiContext
from webui.api.sdapi.controlnet import controlnet_router
from webui.api.sdapi.drawing import drawing_router
from webui.api.sdapi.extras import extras_router
from webui.api.sdapi.lists import lists_router
from webui.api.sdapi.options import ClientOptions, options_router
from webui.api.sdapi.progress import progress_router
from webui.api.sdapi.runs import Runs
from webui.api.sdapi.studio import studio_router
from webui.api.sse import Streams

PREFIX = "/sdapi/v1"


def sdapi_router(context: ApiContext, streams: Streams) -> APIRouter:
    """The routes below /sdapi/v1, and those of ControlNet beside it."""
    clients, runs = ClientOptions(), Runs(context, streams)
    router = APIRouter(tags=["sdapi"])
    for part in (
        drawing_router(context, clients, runs),
        progress_router(runs),
        extras_router(context, runs),
        options_router(context, clients),
        lists_router(context),
        studio_router(context),
    ):
        router.include_router(part, prefix=PREFIX)
    router.include_router(controlnet_router(context))
    return router
