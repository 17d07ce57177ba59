"""What stands at / until the page is ready: it takes some seconds to load, answers are there at once."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from webui.api.answers import small_page

SPLASH = "splash"
"""Name of the route; the page takes its place when it is mounted."""


def add_splash(app: FastAPI, page_problem: Callable[[], str | None]) -> None:
    """Add the route /; `page_problem` says why the page cannot come, once that is known.

    It stands in the application's own list of routes, where the page's mount finds and removes it.
    """

    @app.get("/", name=SPLASH, include_in_schema=False)
    def splash() -> HTMLResponse:
        """A page that loads itself again until the real one is there."""
        problem = page_problem()
        headers = {"cache-control": "no-store"}
        if problem is None:
            body = '<p>The page will be here in a moment.</p><progress aria-label="Loading"></progress>'
            refresh = '<meta http-equiv="refresh" content="1">'
            return HTMLResponse(small_page("Easel is starting", body, refresh), headers=headers)
        body = f'<p class="problem">{escape(problem)}</p><p>The <a href="/docs">HTTP API</a> works.</p>'
        return HTMLResponse(small_page("Easel has no page", body), 500, headers)
