"""What a client hears of the whole studio: the length of the queue and how the worker is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from webui.api.context import ApiContext
from webui.api.downloads import download_view
from webui.api.health import queue_counts
from webui.api.sse import EVENT_STREAM, HEARTBEAT_SECONDS, Streams, event_stream, heartbeat, message
from webui.contracts.events import (
    DownloadChanged,
    DownloadDropped,
    Event,
    ExtensionsChanged,
    JobChanged,
    LibraryChanged,
    QueuePaused,
    WorkerChanged,
)

PAUSE_SECONDS = 0.2
"""Between two looks at the queue: many jobs that change at once are told of once."""
_CONCERNS = (
    JobChanged, WorkerChanged, DownloadChanged, DownloadDropped, LibraryChanged, ExtensionsChanged,
    QueuePaused,
)  # fmt: skip


def events_router(context: ApiContext, streams: Streams) -> APIRouter:
    """The route /events."""
    router = APIRouter(tags=["studio"])

    @router.get("/events", responses=EVENT_STREAM, summary="Follow the studio")
    async def follow() -> StreamingResponse:
        """Server-sent events `queue`, `worker` and `download`: how they are now, then each change.

        A download that was taken off the list is told of as `download-gone`; `library` says that models came, went or
        changed, `extensions` that the list of extensions did.
        """
        return event_stream(_follow_studio(context, streams))

    return router


async def _follow_studio(context: ApiContext, streams: Streams) -> AsyncIterator[str]:
    with streams.mailbox(_concerns) as mailbox:
        counts = await run_in_threadpool(queue_counts, context)
        yield message("queue", counts)
        status = context.dispatcher.status()
        yield _worker(status.state, status.device, status.detail)
        for download in await run_in_threadpool(context.downloads.list):
            yield message("download", download_view(download).model_dump_json())
        while not mailbox.closed:
            events = await mailbox.take(HEARTBEAT_SECONDS)
            if not events:
                yield heartbeat()
                continue
            for event in events:
                if (told := _told(event)) is not None:
                    yield told
            before, counts = counts, await run_in_threadpool(queue_counts, context)
            if counts != before:
                yield message("queue", counts)
            await asyncio.sleep(PAUSE_SECONDS)


def _concerns(event: Event) -> bool:
    return isinstance(event, _CONCERNS)


def _told(event: Event) -> str | None:
    """What is said of an event; None of those that change the queue's counts alone."""
    if isinstance(event, WorkerChanged):
        return _worker(event.state, event.device, event.detail)
    if isinstance(event, DownloadChanged):
        return message("download", download_view(event.download).model_dump_json())
    if isinstance(event, DownloadDropped):
        return message("download-gone", {"id": event.id})
    if isinstance(event, LibraryChanged):
        return message("library", {})
    if isinstance(event, ExtensionsChanged):
        return message("extensions", {})
    return None


def _worker(state: str, device: str, detail: str) -> str:
    return message("worker", {"state": state, "device": device, "detail": detail})
