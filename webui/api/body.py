"""How large a request may be: the guard stops reading where its limit is passed."""

from __future__ import annotations

from starlette.types import Message, Receive, Send

from webui.api.answers import send_error

MEGABYTE = 1_000_000
DEFAULT_LIMIT = 80 * MEGABYTE
LIMITS: tuple[tuple[str, int], ...] = (
    ("/api/v1/jobs", MEGABYTE),
    ("/api/v1/prompts", MEGABYTE),
    ("/api/v1/queue/file", 400 * MEGABYTE),
    ("/api/v1/downloads", MEGABYTE),
    ("/api/v1/styles", MEGABYTE),
    ("/login", 10_000),
)
"""First part of the path, and bytes; the first that fits counts."""


class BodyTooLarge(Exception):
    """Raised into the application when a body passes its limit."""


class LimitedBody:
    """The `receive` and `send` of a request whose body is counted."""

    def __init__(self, limit: int, receive: Receive, send: Send) -> None:
        self.exceeded = False
        self._limit, self._receive, self._send = limit, receive, send
        self._read = 0
        self._started = False

    async def receive(self) -> Message:
        """As given, up to the limit."""
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            self.exceeded = True
            raise BodyTooLarge
        return message

    async def send(self, message: Message) -> None:
        """As given; once the limit was passed, the application's own answer gives way to ours."""
        if not self.exceeded or self._started:
            self._started = self._started or message["type"] == "http.response.start"
            await self._send(message)

    async def refuse(self) -> None:
        """Answer 413 unless an answer was on its way already."""
        if not self._started:
            self._started = True
            await send_error(self._send, 413, too_large(self._limit))


def limit_of(path: str) -> int:
    """Bytes that a body sent to this path may have."""
    return next((limit for start, limit in LIMITS if path.startswith(start)), DEFAULT_LIMIT)


def too_large(limit: int) -> str:
    """The sentence."""
    size = f"{limit / MEGABYTE:g} MB" if limit >= MEGABYTE else f"{limit} bytes"
    return (
        f"The request is larger than {size}, the most that this address takes. Pictures go up "
        "once through POST /api/v1/images and are then named by their id."
    )
