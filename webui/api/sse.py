"""Server-sent events: from the services' threads to the server's event loop, and out.

The bus calls listeners in whatever thread something happened. A `Mailbox` takes events there and
wakes the loop at most once for many of them; steps that a slow reader has not fetched yet are
replaced by newer ones, so that a mailbox cannot grow with a job's length.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fastapi.responses import StreamingResponse

from webui.contracts.events import DownloadChanged, Event, JobStepped
from webui.services.events import EventBus

HEARTBEAT_SECONDS = 15.0
MOST_WAITING = 1_000
EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Events, as they happen."}
}
"""For the documentation of routes."""


class Mailbox:
    """Events on their way to one reader. `put` may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wanted: Callable[[Event], bool]) -> None:
        self.closed = False
        self._loop, self._wanted = loop, wanted
        self._lock = threading.Lock()
        self._waiting: list[Event] = []
        self._is_woken = False
        self._woken = asyncio.Event()

    def put(self, event: Event) -> None:
        """Keep the event for the reader, if it is one that is wanted."""
        if not self._wanted(event):
            return
        with self._lock:
            if self.closed:
                return
            _add(self._waiting, event)
            if len(self._waiting) > MOST_WAITING:
                self.closed = True  # the browser connects again, and gets the present state
            woken, self._is_woken = self._is_woken, True
        if not woken:
            self._wake()

    def close(self) -> None:
        """End the stream after what is waiting."""
        with self._lock:
            self.closed = True
        self._wake()

    async def take(self, seconds: float) -> list[Event]:
        """All events that wait, or none after this time or when closed."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except asyncio.TimeoutError:
            return []
        with self._lock:
            taken, self._waiting = self._waiting, []
            if not self.closed:  # a closed mailbox never makes its reader wait
                self._is_woken = False
                self._woken.clear()
        return taken

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._woken.set)
        except RuntimeError:  # the loop has ended: nobody reads any more
            self.closed = True


class Streams:
    """The open mailboxes, so that a stop of the program can end all streams at once."""

    def __init__(self, events: EventBus) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._open: set[Mailbox] = set()
        self._ended = False

    @contextmanager
    def mailbox(self, wanted: Callable[[Event], bool]) -> Iterator[Mailbox]:
        """A mailbox that hears the bus for as long as the block lasts."""
        mailbox = Mailbox(asyncio.get_running_loop(), wanted)
        with self._lock:
            self._open.add(mailbox)
            if self._ended:
                mailbox.close()
        unsubscribe = self._events.subscribe(mailbox.put)
        try:
            yield mailbox
        finally:
            unsubscribe()
            with self._lock:
                self._open.discard(mailbox)

    def close(self) -> None:
        """End every stream, and later ones at their start."""
        with self._lock:
            self._ended = True
            mailboxes = list(self._open)
        for mailbox in mailboxes:
            mailbox.close()


def event_stream(messages: AsyncIterator[str]) -> StreamingResponse:
    """An answer that goes on for as long as there are messages."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(messages, media_type="text/event-stream", headers=headers)


def message(name: str, data: dict[str, Any] | str) -> str:
    """One event in the notation of the standard; `data` is JSON already when it is text."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"event: {name}\ndata: {text}\n\n"


def heartbeat() -> str:
    """A comment that keeps proxies from closing a quiet connection."""
    return ": heartbeat\n\n"


def _add(waiting: list[Event], event: Event) -> None:
    """Append, but a step replaces the step of the same job that still waits; downloads alike."""
    if isinstance(event, DownloadChanged):
        for place, older in enumerate(waiting):
            if isinstance(older, DownloadChanged) and older.download.id == event.download.id:
                waiting[place] = event
                return
    if isinstance(event, JobStepped):
        for place, older in enumerate(waiting):
            if isinstance(older, JobStepped) and older.job_id == event.job_id:
                shown = event if event.preview else older
                waiting[place] = replace(event, preview=shown.preview, index=shown.index)
                return
    waiting.append(event)
