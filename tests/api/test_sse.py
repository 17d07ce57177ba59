"""Event streams on a real server: coalescing, many readers, and a prompt end."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from webui.api.sse import MOST_WAITING, Mailbox, Streams
from webui.app import Studio
from webui.contracts.download import Download, DownloadState
from webui.contracts.events import (
    DownloadChanged,
    DownloadDropped,
    Event,
    JobStepped,
    WorkerChanged,
)
from webui.contracts.ids import DownloadId, JobId
from webui.contracts.preview import Preview
from webui.server import Server, address_of, open_socket
from webui.services.events import EventBus


def step(number: int, preview: Preview | None = None, job: str = "a", index: int = 0) -> JobStepped:
    return JobStepped(JobId(job), number, 20, None, preview, index)


def collect(put: Callable[[Mailbox], None]) -> list[Event]:
    """What a reader takes at once after `put` has filled its mailbox from another thread."""

    async def read() -> list[Event]:
        mailbox = Mailbox(asyncio.get_running_loop(), lambda _event: True)
        await asyncio.to_thread(put, mailbox)
        return await mailbox.take(1)

    return asyncio.run(read())


def test_a_slow_reader_gets_the_latest_step_with_the_latest_preview() -> None:
    old, new = (Preview(1, 1, 8, 8, colour) for colour in (b"old", b"new"))

    def put(mailbox: Mailbox) -> None:
        for event in (step(1, old), step(2, new, index=4), step(3), step(7, job="b")):
            mailbox.put(event)

    assert collect(put) == [step(3, new, index=4), step(7, job="b")]


def test_a_slow_reader_gets_the_latest_of_each_download() -> None:
    def at(name: str, count: int) -> DownloadChanged:
        state = DownloadState.RUNNING
        return DownloadChanged(
            Download(DownloadId(name), "", "", "lora", "", (), state, bytes_done=count)
        )

    def put(mailbox: Mailbox) -> None:
        for event in (at("a", 1), at("b", 1), at("a", 2)):
            mailbox.put(event)

    assert collect(put) == [at("a", 2), at("b", 1)]


def test_other_events_keep_their_order_and_number() -> None:
    events: list[Event] = [
        WorkerChanged(state, "cpu", "") for state in ("starting", "ready", "gone")
    ]

    def put(mailbox: Mailbox) -> None:
        for event in events:
            mailbox.put(event)

    assert collect(put) == events


def test_a_reader_that_never_reads_is_let_go() -> None:
    mailboxes: list[Mailbox] = []

    def put(mailbox: Mailbox) -> None:
        mailboxes.append(mailbox)
        for _ in range(MOST_WAITING * 2):
            mailbox.put(WorkerChanged("ready", "cpu", ""))

    assert len(collect(put)) == MOST_WAITING + 1
    assert mailboxes[0].closed


def test_an_event_after_the_loops_end_is_dropped() -> None:
    mailboxes: list[Mailbox] = []

    def put(mailbox: Mailbox) -> None:
        mailboxes.append(mailbox)
        mailbox.put(step(1))

    collect(put)
    mailboxes[0].put(step(2))
    assert mailboxes[0].closed


def test_a_quiet_mailbox_gives_nothing_after_its_time() -> None:
    async def read() -> list[Event]:
        return await Mailbox(asyncio.get_running_loop(), lambda _event: True).take(0.01)

    assert asyncio.run(read()) == []


def test_a_stream_that_begins_after_the_end_ends_at_once() -> None:
    streams = Streams(EventBus())
    streams.close()

    async def read() -> bool:
        with streams.mailbox(lambda _event: True) as mailbox:
            await mailbox.take(5)
            return mailbox.closed

    assert asyncio.run(read())


@pytest.fixture
def server(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A client of a real server around the studio; one for all, as each reads all certificates at its start."""
    opened = open_socket("127.0.0.1", 0)
    started = threading.Event()
    running = Server(studio.guarded, started.set, studio.streams.close)
    monkeypatch.setattr(running, "capture_signals", nullcontext)  # not the main thread
    thread = threading.Thread(target=running.run, kwargs={"sockets": [opened]})
    thread.start()
    assert started.wait(40)
    with httpx.Client(base_url=address_of(opened), timeout=40) as client:
        yield client
    running.should_exit = True
    thread.join(40)
    assert not thread.is_alive()


def test_twenty_readers_follow_one_job_to_its_end(server: httpx.Client) -> None:
    order = {"prompt": "a lake", "steps": 20, "count": 2}
    job_id = server.post("/api/v1/jobs", json=order).json()["id"]
    texts: list[str] = []

    def read() -> None:
        texts.append(server.get(f"/api/v1/jobs/{job_id}/events").text)

    readers = [threading.Thread(target=read) for _ in range(20)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(40)
    assert len(texts) == 20
    assert all('"state":"done"' in text.rsplit("event: job", 1)[1] for text in texts)


def test_a_queued_job_hears_its_place_in_the_queue_change(server: httpx.Client) -> None:
    server.put("/api/v1/queue", json={"paused": True})
    orders = [{"prompt": "x", "steps": 40} for _ in range(20)]
    ids = [server.post("/api/v1/jobs", json=order).json()["id"] for order in orders]
    snapshots: list[dict[str, Any]] = []
    with server.stream("GET", f"/api/v1/jobs/{ids[-1]}/events") as answer:
        for line in answer.iter_lines():
            if line.startswith('data: {"id"'):
                snapshots.append(json.loads(line[6:]))
                if len(snapshots) == 1:
                    server.put("/api/v1/queue", json={"paused": False})
    places = [job["place"] for job in snapshots if job.get("state") == "queued"]
    assert places == sorted(places, reverse=True)
    assert len(places) > 1


def test_a_job_in_the_background_hears_of_those_that_go_before_it(server: httpx.Client) -> None:
    def put(**order: object) -> str:
        whole = {"prompt": "x", "steps": 1000, **order}
        job: str = server.post("/api/v1/jobs", json=whole).json()["id"]
        return job

    ids = [put() for _ in range(25)]
    waiting = put(priority="Low")
    places: list[int] = []
    with server.stream("GET", f"/api/v1/jobs/{waiting}/events") as answer:
        for line in answer.iter_lines():
            if line.startswith('data: {"id"') and '"queued"' in line:
                places.append(json.loads(line[6:])["place"])
                ids += [put() for _ in range(3 if len(places) == 1 else 0)]
            if len(places) == 2:
                break
    assert places[1] > places[0]
    for job in (*ids, waiting):
        server.delete(f"/api/v1/jobs/{job}")


def test_the_studios_stream_tells_queue_and_worker_first(server: httpx.Client) -> None:
    names: list[str] = []
    with server.stream("GET", "/api/v1/events") as answer:
        for line in answer.iter_lines():
            names += [line[7:]] if line.startswith("event: ") else []
            if len(names) == 2:
                break
    assert names == ["queue", "worker"]


def test_the_studios_stream_tells_of_downloads(server: httpx.Client, studio: Studio) -> None:
    download = Download(DownloadId("d"), "", "", "lora", "", (), DownloadState.RUNNING)
    names: list[str] = []
    with server.stream("GET", "/api/v1/events") as answer:
        for line in answer.iter_lines():
            names += [line[7:]] if line.startswith("event: ") else []
            if len(names) == 2 and line == "":
                studio.context.events.publish(DownloadChanged(download))
                studio.context.events.publish(DownloadDropped(download.id))
            if len(names) == 4:
                break
    assert names[2:] == ["download", "download-gone"]


def test_the_servers_end_does_not_wait_for_open_streams(
    server: httpx.Client, studio: Studio
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def read() -> None:
        with server.stream("GET", "/api/v1/events") as answer:
            for _ in answer.iter_lines():
                begun.set()
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    assert begun.wait(20)
    studio.streams.close()
    assert ended.wait(20)
