"""The addresses of extensions: their own routes below the API, and the files that the page loads.

Both look at the extensions in use with every request, so that what is disabled answers no more.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import ExitStack

from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from webui.contracts.errors import EaselError, HookFailed
from webui.contracts.extension import HookFailure
from webui.hooks.offers import STATIC, Offers
from webui.hooks.studio import StudioExtensions

DESCRIPTION = "/openapi.json"
MOST_UNANSWERED = 16
"""Requests of one extension: each may hold one of the studio's forty threads, and none of them can be stopped."""
_EDITION = re.compile(r"^@[0-9a-f]+/")
"""Before a file's path, of an address that is another one whenever the files are others."""


class ExtensionRoutes:
    """An ASGI application: '/<name>/...' is answered by the router of that extension."""

    def __init__(self, studio: StudioExtensions) -> None:
        self._studio = studio
        self._unanswered: Counter[str] = Counter()
        """Requests of each extension whose answer has not begun."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on.

        Raises:
            HTTPException: no extension in use has the address, or it has too many requests that it has not answered.
            HookFailed: the extension failed.
        """
        name, inner = _inside(scope)
        offers = self._studio.offers.get(name)
        if offers is None or offers.router is None:
            raise HTTPException(404)
        if inner["path_in_extension"] == DESCRIPTION:
            await JSONResponse(_described(offers))(scope, receive, send)
            return
        asked = self._ask(name)
        try:
            await offers.router(inner, receive, self._clocked(name, send, asked))
        except (HTTPException, EaselError):
            raise
        except Exception as error:
            self._studio.host.log.note(name, "routes", error)
            raise HookFailed(
                f"The extension {name!r} failed in its route {inner['path_in_extension'][:200]!r}: {error}. "
                "Nothing else is touched."
            ) from error
        finally:
            asked.close()

    def _ask(self, name: str) -> ExitStack:
        """Count a request until its answer begins, or it ends: what is given back is closed then.

        Raises:
            HTTPException: too many are counted.
        """
        if self._unanswered[name] >= MOST_UNANSWERED:
            said = (
                f"The extension {name!r} has {MOST_UNANSWERED} requests that it has not answered yet, and gets no other until "
                "it does. Try again in a moment, or disable it; what does not come back goes on until Easel is started anew."
            )
            self._studio.host.log.add(HookFailure(name, "routes", said, kind="late"))
            raise HTTPException(503, said)
        asked = ExitStack()
        self._unanswered[name] += 1
        asked.callback(self._unanswered.subtract, [name])
        return asked

    def _clocked(self, name: str, send: Send, asked: ExitStack) -> Send:
        """`send`, by which an answer that took long to begin is named; one that is sent for long, as events are, is not."""
        host, started = self._studio.host, time.perf_counter()

        async def pass_on(message: Message) -> None:
            asked.close()
            if message["type"] == "http.response.start":
                host.note_time(name, "routes", time.perf_counter() - started)
            await send(message)

        return pass_on


class ExtensionFiles:
    """An ASGI application: '/<name>/...', or '/<name>/@<edition>/...', is a file below `static/` of that extension."""

    def __init__(self, studio: StudioExtensions) -> None:
        self._studio = studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a file; the browser asks each time whether it has changed.

        Raises:
            HTTPException: no extension in use has the file.
        """
        name, inner = _inside(scope)
        offers = self._studio.offers.get(name)
        folder = None if offers is None else offers.manifest.folder / STATIC
        if folder is None or scope["type"] != "http" or not folder.is_dir():
            raise HTTPException(404)
        files = StaticFiles(directory=folder)
        file = _EDITION.sub("", inner["path_in_extension"].lstrip("/"))
        answer = await files.get_response(file, inner)
        answer.headers["cache-control"] = "no-cache"
        await answer(inner, receive, send)


def _inside(scope: Scope) -> tuple[str, Scope]:
    """The extension's name, and the request as it sees it: with its own root."""
    above = scope.get("root_path", "")
    name, slash, rest = scope["path"].removeprefix(above).lstrip("/").partition("/")
    root = f"{above}/{name}"
    return name, {**scope, "root_path": root, "path_in_extension": slash + rest}


def _described(offers: Offers) -> dict[str, object]:
    """OpenAPI of an extension's routes."""
    assert offers.router is not None  # it was asked for one
    manifest = offers.manifest
    title = manifest.title or manifest.name
    return get_openapi(title=title, version=manifest.version, routes=offers.router.routes)
