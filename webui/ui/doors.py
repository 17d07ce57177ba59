"""What of Gradio can be reached: the addresses that the page asks for, and handlers that take no files.

Gradio brings some seventy addresses along: files of the machine, uploads, proxies, streams, recordings.
The page uses none of them: pictures go through our own API. And a page that is mounted, rather than
launched, leaves Gradio's check of paths out, so whoever may use the page could name any file of the
machine in place of a value and fetch what became of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio_client.utils import is_file_obj_with_meta
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from gradio.block_function import BlockFunction
    from gradio.state_holder import SessionState
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

READ = (
    "/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json",
    "/gradio_api/app_id", "/gradio_api/startup-events",
)  # fmt: skip
READ_BELOW = ("/assets/", "/static/")
NAMED_BY_CONTENT = "/assets/"
KEPT = "max-age=31536000, immutable"
"""For a file whose address changes with it."""
CALLED = ("/gradio_api/run/predict",)
"""By POST: where the page's handlers are."""
DESCRIBED = ("api_info", "api_info_as_input", "api_info_as_output", "example_inputs")
"""What Gradio says of each component to programs."""


class Doors:
    """Serves of a Gradio application what the page asks for; everything else is not there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or answer 404; what is no request passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if is_open(scope["method"], scope["path"]):
            kept = scope["path"].startswith(NAMED_BY_CONTENT)
            await self._app(scope, receive, _keeping(send) if kept else send)
            return
        sentence = (
            f"There is no address {scope['path'][:200]!r} here. /docs lists those for programs."
        )
        await JSONResponse({"error": sentence}, 404)(scope, receive, send)


def _keeping(send: Send) -> Send:
    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            MutableHeaders(raw=message["headers"])["cache-control"] = KEPT
        await send(message)

    return keep


def is_open(method: str, path: str) -> bool:
    """Whether the page needs this."""
    if method in ("GET", "HEAD"):
        return path in READ or path.startswith(READ_BELOW)
    return method == "POST" and path in CALLED


class Page(gr.Blocks):
    """Blocks whose handlers take values and never files, whatever a request says.

    Gradio copies a file, or fetches an address, that stands anywhere in a handler's values, before
    any component has looked at them.
    """

    # Any: what a request sent.
    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> Any:
        """As Gradio does, of values without files.

        Raises:
            gr.Error: a value is a file, or holds one.
        """
        if holds_file(inputs):
            raise gr.Error("The page takes no files. Pictures go up through POST /api/v1/images.")
        return await super().preprocess_data(block_fn, inputs, state, explicit_call)

    # Any: Gradio's type of it is private to it.
    def get_config_file(self) -> Any:
        """As Gradio's, without what only programs ask for, and with each handler being of some component.

        What follows another handler is of none, which the page's script looks for among all there are.
        """
        config = super().get_config_file()
        for component in config["components"]:
            for name in DESCRIBED:
                component.pop(name, None)
        first = next((component["id"] for component in config["components"]), None)
        for handler in config["dependencies"]:
            handler["targets"] = [
                (first if component is None else component, event)
                for component, event in handler["targets"]
            ]
        return config

    def get_api_info(self, all_endpoints: bool = False, page: str | None = None) -> Any:  # noqa: ARG002
        """Nothing: Gradio writes a description of every handler into each page, longer than all else in it.

        Programs have our own API, and the page's script calls handlers by their number.
        """
        return {"named_endpoints": {}, "unnamed_endpoints": {}}


def holds_file(value: Any) -> bool:
    """Whether Gradio would take this, or something within, for a file."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if is_file_obj_with_meta(one):
            return True
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, (list, tuple)):
            waiting += one
    return False
