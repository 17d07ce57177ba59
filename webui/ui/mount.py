"""Put the page into a running app.

The app already answers requests when the page is ready (Gradio alone takes seconds to import), so
the usual start-up hooks of `gradio.mount_gradio_app` have passed. What they would have done happens
on the page's first request instead, inside the server's event loop.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import gradio as gr
from gradio.routes import App
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from webui.ui.build import ASSETS_FOLDER, build_ui
from webui.ui.canvas.canvas import CANVAS_FOLDER
from webui.ui.context import UiContext
from webui.ui.doors import Doors
from webui.ui.extensions.extensions import EXTENSIONS_FOLDER
from webui.ui.library.library import LIBRARY_FOLDER
from webui.ui.scripts import ASSETS
from webui.ui.settings.settings import SETTINGS_FOLDER
from webui.ui.theme import HEAD, easel_theme

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

_log = logging.getLogger(__name__)


def mount_ui(app: FastAPI, context: UiContext) -> None:
    """Build the page and let it take '/', ahead of the splash that stood there until now.

    Every other address that the app knows keeps its answer. May be called from any thread, before or after the server has started.
    """
    blocks = build_ui(context)
    lifespan = app.router.lifespan_context
    known = list(app.router.routes)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        show_error=True,
        max_file_size="64mb",
        theme=easel_theme(),
        css_paths=[
            ASSETS_FOLDER / "easel.css",
            CANVAS_FOLDER / "canvas.css",
            LIBRARY_FOLDER / "library.css",
            EXTENSIONS_FOLDER / "extensions.css",
            SETTINGS_FOLDER / "settings.css",
        ],
        head=HEAD,
        favicon_path=str(ASSETS_FOLDER / "favicon.png"),
    )
    app.router.lifespan_context = lifespan
    page = next(route for route in app.router.routes if route not in known)
    page.app = Doors(_StartedOnFirstRequest(page.app))  # type: ignore[attr-defined]
    # Mounted ones never are, and Gradio checks the paths of launched ones alone.
    blocks.has_launched = True
    app.router.routes[:0] = [
        Mount(f"{ASSETS}/canvas", Assets(directory=CANVAS_FOLDER), name="canvas"),
        Mount(f"{ASSETS}/library", Assets(directory=LIBRARY_FOLDER), name="library"),
        Mount(f"{ASSETS}/extensions", Assets(directory=EXTENSIONS_FOLDER), name="extensions"),
        Mount(f"{ASSETS}/settings", Assets(directory=SETTINGS_FOLDER), name="settings"),
        Mount(ASSETS, Assets(directory=ASSETS_FOLDER), name="assets"),
        Route("/", page.app, methods=["GET"], name="page"),  # type: ignore[attr-defined]
    ]
    _log.info("The page is ready.")


class Assets(StaticFiles):
    """Our modules and styles; the browser asks each time whether they changed, and keeps them."""

    def file_response(self, *args: object, **options: object) -> Response:
        """As in Starlette, plus the cache rule: a new version must reach an open browser."""
        response = super().file_response(*args, **options)  # type: ignore[arg-type]
        response.headers["cache-control"] = "no-cache"
        return response


class _StartedOnFirstRequest:
    """Runs Gradio's start-up inside the server's loop before the first request goes through."""

    def __init__(self, gradio_app: App) -> None:
        self._app = gradio_app
        self._life: asyncio.Task[None] | None = None
        self._ready = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._ready:
            await self._start()
        await self._app(scope, receive, send)

    async def _start(self) -> None:
        if self._life is None:
            started = asyncio.Event()
            self._started = started
            self._life = asyncio.create_task(self._live(started))
        await self._started.wait()

    async def _live(self, started: asyncio.Event) -> None:
        """Hold Gradio's lifespan open until the server's loop ends."""
        async with self._app.router.lifespan_context(self._app):
            blocks = self._app.get_blocks()
            blocks.run_startup_events()  # type: ignore[no-untyped-call]
            await blocks.run_extra_startup_events()  # type: ignore[no-untyped-call]
            self._app.startup_events_triggered = True
            self._ready = True
            started.set()
            await asyncio.Event().wait()
