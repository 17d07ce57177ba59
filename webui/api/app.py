"""The API as one application: a table of contents of its routes."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException

from webui import VERSION
from webui.api.batches import batches_router
from webui.api.bin import bin_router
from webui.api.catalogue import catalogue_router
from webui.api.context import ApiContext
from webui.api.docs import docs_router
from webui.api.downloads import downloads_router
from webui.api.errors import add_error_handlers
from webui.api.events import events_router
from webui.api.extension_changes import extension_changes_router
from webui.api.extension_routes import ExtensionFiles, ExtensionRoutes
from webui.api.extension_views import FILES
from webui.api.extensions import extensions_router
from webui.api.health import health_router
from webui.api.images import images_router
from webui.api.jobs import jobs_router
from webui.api.library import library_router
from webui.api.makings import makings_router
from webui.api.maps import maps_router
from webui.api.model_folders import model_folders_router
from webui.api.parameters import parameters_router
from webui.api.pictures import pictures_router
from webui.api.plots import plots_router
from webui.api.preprocessors import preprocessors_router
from webui.api.prompts import prompts_router
from webui.api.queue import queue_router
from webui.api.sdapi.router import PREFIX as SDAPI
from webui.api.sdapi.router import sdapi_router
from webui.api.settings import settings_router
from webui.api.splash import add_splash
from webui.api.sse import Streams
from webui.api.views import PREFIX

_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_DESCRIPTION = """Order pictures, follow them, fetch them.

`POST /api/v1/jobs` records a job and answers at once; follow it at `/api/v1/jobs/{id}/events` or ask
`/api/v1/jobs/{id}` until its state is `done`. Every error is `{"error": sentence}`, with `problems`
where fields are wrong. With a login, send user and password by HTTP Basic."""


def create_api(
    context: ApiContext, streams: Streams, page_problem: Callable[[], str | None] = lambda: None
) -> FastAPI:
    """Every route but the page's, which `webui.ui.mount` adds later."""
    app = FastAPI(
        title="Easel", version=VERSION, description=_DESCRIPTION, docs_url=None, redoc_url=None
    )
    add_error_handlers(app)
    for router in (
        jobs_router(context, streams),
        queue_router(context),
        batches_router(context),
        plots_router(context),
        pictures_router(context),
        bin_router(context),
        images_router(context),
        preprocessors_router(context),
        catalogue_router(context),
        maps_router(context),
        downloads_router(context),
        library_router(context),
        makings_router(context),
        model_folders_router(context),
        prompts_router(context),
        parameters_router(context),
        extensions_router(context),
        extension_changes_router(context),
        settings_router(context),
        health_router(context),
        events_router(context, streams),
    ):
        app.include_router(router, prefix=PREFIX)
    extensions = context.extensions.studio
    app.mount(f"{PREFIX}/extensions", ExtensionRoutes(extensions), name="extension routes")
    app.mount(FILES, ExtensionFiles(extensions), name="extension files")
    app.include_router(_nothing_else(), prefix=PREFIX)
    app.include_router(sdapi_router(context, streams))
    app.include_router(_nothing_else(), prefix=SDAPI)
    app.include_router(docs_router())
    add_splash(app, page_problem)
    return app


def _nothing_else() -> APIRouter:
    """Addresses under the API's prefix that do not exist: the page must not answer for them."""
    router = APIRouter()

    @router.api_route("/{_:path}", methods=_EVERY_METHOD, include_in_schema=False)
    def nothing() -> None:
        """Always 404."""
        raise HTTPException(404)

    return router
