"""The one guard in front of everything: our routes, Gradio's, event streams and websockets.

In this order: is the request addressed to us (Host), does it come from a page of ours (Origin), is
its body of bearable size, is the person logged in. What passes gets the security headers on its
way back. Everything that is refused gets a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.api.answers import send_error
from webui.api.body import BodyTooLarge, LimitedBody, limit_of, too_large
from webui.api.door import Door
from webui.api.hosts import AllowedHosts, split_host
from webui.api.login import Login
from webui.api.origin import SAFE_METHODS, foreign_origin

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "content-security-policy": "frame-ancestors 'self'",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not served."""

    status: int
    sentence: str


class Guard:
    """ASGI application that serves another one to those who may use it."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts, login: Login | None) -> None:
        self._app = app
        self._hosts = hosts
        self._door = None if login is None else Door(login)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, websocket or lifespan."""
        if scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is not None:
            await send_error(send, refusal.status, refusal.sentence)
            return
        body = LimitedBody(limit_of(scope["path"]), receive, send)
        try:
            if self._door is None or await self._door.admits(scope, body.receive, body.send):
                await self._app(scope, body.receive, body.send)
        except BodyTooLarge:
            pass  # answered below
        except Exception:
            if not body.exceeded:
                raise
        if body.exceeded:
            await body.refuse()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        let_in = self._door is None or self._door.admits_socket(scope)
        if self._refusal(scope) is None and let_in:
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or split_host(hosts[0]) is None:
            return Refusal(400, "The request needs exactly one well-formed Host header.")
        name = (split_host(hosts[0]) or ("", None))[0]
        if name not in self._hosts:
            return Refusal(421, _unknown_host(name))
        changes_state = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        foreign = foreign_origin(headers, changes_state=changes_state)
        if foreign is not None:
            return Refusal(403, foreign)
        length, limit = headers.get("content-length", "0"), limit_of(scope["path"])
        if length.isdigit() and int(length) > limit:
            return Refusal(413, too_large(limit))
        return None


def _unknown_host(name: str) -> str:
    return (
        f"This studio does not answer to the name {name[:100]!r}. If it is a name of this machine or "
        f"of a proxy before it, start with --allow-host NAME."
    )


def _with_headers(send: Send) -> Send:
    """A `send` that adds the security headers where the application has not set them itself."""

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sender
