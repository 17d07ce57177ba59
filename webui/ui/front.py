"""What stands at the head of the page, before Gradio's script: where our modules are, and what it need not watch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from webui.ui.scripts import ASSETS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FIRST_MODULES = ("header", "stage")
"""Those that the page waits for: the browser asks for them before a script does."""

UNWATCHED = """<script>
Object.setPrototypeOf(window.gradio_config.dependencies, (class extends Array {}).prototype);
</script>"""
"""Svelte watches whatever is a plain list, and Gradio searches that of its handlers once for each component."""


class Edition:
    """The name of what the page's own files are at present; another one when any of them changes."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self.latest = self.look()
        """As it was when it was last looked for."""

    def look(self) -> str:
        """Look at all files; takes a millisecond."""
        found = hashlib.sha256()
        for folder in self._folders:
            for path in sorted(folder.rglob("*.*")):
                told = path.stat()
                found.update(f"{path} {told.st_mtime_ns} {told.st_size}\n".encode())
        self.latest = found.hexdigest()[:12]
        return self.latest


class Front:
    """Writes what comes first into the page that an application answers with at "/"."""

    def __init__(self, app: ASGIApp, edition: Edition) -> None:
        self._app, self._edition = app, edition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; the page alone is changed."""
        if scope["type"] == "http" and (scope["method"], scope["path"]) == ("GET", "/"):
            send = _Insertion(send, self._edition).send
        await self._app(scope, receive, send)


class _Insertion:
    """Holds a page back until it is whole."""

    def __init__(self, send: Send, edition: Edition) -> None:
        self._send, self._edition = send, edition
        self._start: Message = {}
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = with_front(self._body, self._edition.look())
        MutableHeaders(raw=self._start["headers"])["content-length"] = str(len(body))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})


def with_front(page: bytes, edition: str) -> bytes:
    """Gradio's page with our modules' addresses at its head, and a word behind its own data."""
    own = f"{ASSETS}/@{edition}/"
    # Of two names that fit, a browser takes the longer one: what has its edition keeps it.
    names = {f"{ASSETS}/": own, own: own}
    head = f'<script type="importmap">{json.dumps({"imports": names})}</script>' + "".join(
        f'<link rel="modulepreload" href="{own}{name}.js">' for name in FIRST_MODULES
    )
    data = page.find(b"window.gradio_config")
    end = page.find(b"</script>", data) + len(b"</script>")
    if data >= 0:
        page = page[:end] + UNWATCHED.encode() + page[end:]
    return page.replace(b"<head>", b"<head>" + head.encode(), 1)
