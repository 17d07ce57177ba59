"""Put the page into a running app.

The app already answers requests when the page is ready (Gradio alone takes seconds to import), so
the usual start-up hooks of `gradio.mount_gradio_app` have passed. What they would have done happens
on the page's first request instead, inside the server's event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import gradio as gr
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from webui.ui.build import ASSETS_FOLDER, build_ui
from webui.ui.canvas.canvas import CANVAS_FOLDER
from webui.ui.context import UiContext
from webui.ui.doors import KEPT, Doors
from webui.ui.extensions.extensions import EXTENSIONS_FOLDER
from webui.ui.front import Edition, Front
from webui.ui.library.library import LIBRARY_FOLDER
from webui.ui.scripts import ASSETS
from webui.ui.settings.settings import SETTINGS_FOLDER
from webui.ui.theme import HEAD, easel_theme

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

_log = logging.getLogger(__name__)

FOLDERS = {
    "canvas": CANVAS_FOLDER,
    "library": LIBRARY_FOLDER,
    "extensions": EXTENSIONS_FOLDER,
    "settings": SETTINGS_FOLDER,
}
"""Where in the page's own address which files are."""


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
            ASSETS_FOLDER / "gallery.css",
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
    _remember_less(page.app, blocks)  # type: ignore[attr-defined]
    edition = Edition([ASSETS_FOLDER, *FOLDERS.values()])
    page.app = Front(Doors(_StartedOnFirstRequest(page.app)), edition)  # type: ignore[attr-defined]
    # Mounted ones never are, and Gradio checks the paths of launched ones alone.
    blocks.has_launched = True
    app.router.routes[:0] = [
        *_assets(f"{ASSETS}/@{{edition}}", edition),
        *_assets(ASSETS, edition),
        Route("/", page.app, methods=["GET"], name="page"),  # type: ignore[attr-defined]
    ]
    _log.info("The page is ready.")


class Sessions(StateHolder):
    """Gradio's memory of its visitors, without a description of every component for each of them.

    That is for its deep links alone, which the page has none of. To make it stops all else for a tenth of a
    second at each visit, and keeps a megabyte.
    """

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            told = SimpleNamespace(default_config=self.blocks.default_config, blocks={})
            self.session_data[session_id] = SessionState(cast("gr.Blocks", told))
        return super().__getitem__(session_id)


def _remember_less(gradio_app: App, blocks: gr.Blocks) -> None:
    gradio_app.state_holder = Sessions()  # type: ignore[no-untyped-call]
    gradio_app.state_holder.set_blocks(blocks)


def _assets(address: str, edition: Edition) -> list[Mount]:
    folders = {**{f"/{name}": folder for name, folder in FOLDERS.items()}, "": ASSETS_FOLDER}
    return [
        Mount(f"{address}{below}", Assets(folder, edition), name=f"{address}{below}")
        for below, folder in folders.items()
    ]


class Assets(StaticFiles):
    """Our modules and styles: kept for good by the edition that stands in their address, else asked for each time."""

    def __init__(self, folder: Path, edition: Edition) -> None:
        super().__init__(directory=folder)
        self._edition = edition

    def file_response(
        self, full_path: str | os.PathLike[str], stat: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:  # fmt: skip
        """As in Starlette, plus the cache rule: a new version must reach an open browser."""
        response = super().file_response(full_path, stat, scope, status_code)
        present = scope.get("path_params", {}).get("edition") == self._edition.latest
        response.headers["cache-control"] = KEPT if present else "no-cache"
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
