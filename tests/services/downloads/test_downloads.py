"""The list of downloads: what is ordered comes, once, whole, whatever happens meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.services.downloads.server import Server, sha256, weights
from tests.workers.listening import eventually
from webui.contracts.download import Download, DownloadState, Order
from webui.contracts.errors import BadRequest, NotFound
from webui.contracts.events import DownloadChanged, DownloadDropped, Event
from webui.contracts.ids import DownloadId
from webui.services.database import open_database
from webui.services.downloads import transfer
from webui.services.downloads.downloads import Downloads
from webui.services.downloads.network import Web, is_any
from webui.services.downloads.place import STAGING
from webui.services.downloads.sources import Sites
from webui.services.events import EventBus

CONTENT = weights()
NAME = "/w.safetensors"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Shop:
    """A list over a folder; it can be ended and begun again, as a restart does."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.models = folder / "models"
        self.database: Engine = open_database(folder / "easel.sqlite")
        self.events, self.told = EventBus(), list[Event]()
        self.events.subscribe(self.told.append)
        self.installed: list[Download] = []
        self._server = server
        self.list = self._made()

    def _made(self) -> Downloads:
        sites = Sites(self._server.address, "http://civitai.invalid")
        return Downloads(
            self.database, self.models, Web(is_any), sites, self.events, self.installed.append
        )

    def restart(self) -> None:
        self.list.stop()
        self.list = self._made()
        self.list.start()

    def order(self, path: str = NAME, **fields: object) -> DownloadId:
        order = Order(self._server.address + path, **fields)  # type: ignore[arg-type]
        return self.list.order(order).id

    def until(self, download_id: DownloadId, state: DownloadState) -> Download:
        eventually(lambda: self.list.get(download_id).state is state)
        return self.list.get(download_id)


@pytest.fixture
def shop(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(transfer, "FIRST_WAIT", 0.0)
    made = Shop(tmp_path, server)
    made.list.start()
    yield made
    made.list.stop()
    made.database.dispose()


@pytest.fixture
def gated(server: Server) -> Iterator[Callable[[], None]]:
    """A file of which half comes; call it for the other half."""
    gate = threading.Event()
    server.put(NAME, CONTENT, gate=gate)
    yield gate.set
    gate.set()


def _half_of(shop: Shop, download_id: DownloadId) -> None:
    part = shop.models / STAGING / download_id / "w.safetensors.part"
    eventually(lambda: part.is_file() and part.stat().st_size >= len(CONTENT) // 2)


def test_what_is_ordered_is_put_to_its_place_whole(shop: Shop, server: Server) -> None:
    server.put(NAME, CONTENT)
    done = shop.until(
        shop.order(kind="lora", name="chalk", sha256=sha256(CONTENT)), DownloadState.DONE
    )
    assert done.target == "loras/chalk.safetensors"
    assert (shop.models / done.target).read_bytes() == CONTENT
    assert (done.bytes_done, done.bytes_total) == (len(CONTENT), len(CONTENT))
    assert list((shop.models / STAGING).iterdir()) == []
    eventually(lambda: bool(shop.installed))  # the record is written before it is told
    assert [download.target for download in shop.installed] == [done.target]
    states = [e.download.state.value for e in shop.told if isinstance(e, DownloadChanged)]
    assert (states[0], states[-1]) == ("waiting", "done")


def test_the_files_of_a_folder_come_together(shop: Shop, server: Server) -> None:
    files = {"model_index.json": b"{}", "unet/config.json": b"{}", "unet/a.safetensors": CONTENT}
    told = [{"rfilename": path, "size": len(content)} for path, content in files.items()]
    server.put_json(
        "/api/models/ann/box/revision/main?blobs=true", {"sha": COMMIT, "siblings": told}
    )
    for path, content in files.items():
        server.put(f"/ann/box/resolve/{COMMIT}/{path}", content)
    ordered = shop.list.order(Order("ann/box"))
    done = shop.until(ordered.id, DownloadState.DONE)
    place = shop.models / "checkpoints" / "box"
    assert {p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*.*")} == files
    assert done.source == f"ann/box@{COMMIT}"


def test_a_restart_goes_on_where_it_was_left(
    shop: Shop, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "FIRST_WAIT", 30.0)
    server.put(NAME, CONTENT, drop_after=2 * [len(CONTENT) // 2])  # the first is the look at it
    download_id = shop.order()
    _half_of(shop, download_id)
    shop.restart()
    done = shop.until(download_id, DownloadState.DONE)
    assert (shop.models / done.target).read_bytes() == CONTENT
    assert server.ranges(NAME)[-1] == f"bytes={len(CONTENT) // 2}-"


def test_a_pause_keeps_what_came_and_going_on_takes_it_up(
    shop: Shop, server: Server, gated: Callable[[], None]
) -> None:
    download_id = shop.order()
    _half_of(shop, download_id)
    shop.list.pause(download_id)
    server.files[NAME].gate = None
    gated()
    paused = shop.until(download_id, DownloadState.PAUSED)
    assert paused.bytes_done >= len(CONTENT) // 2
    shop.list.go_on(download_id)
    done = shop.until(download_id, DownloadState.DONE)
    assert (shop.models / done.target).read_bytes() == CONTENT


def test_what_is_dropped_leaves_nothing(
    shop: Shop, server: Server, gated: Callable[[], None]
) -> None:
    download_id = shop.order()
    _half_of(shop, download_id)
    shop.list.drop(download_id)
    gated()
    eventually(lambda: not (shop.models / STAGING / download_id).exists())
    assert shop.list.list() == ()
    assert not (shop.models / "checkpoints").exists()
    assert DownloadDropped(download_id) in shop.told
    with pytest.raises(NotFound):
        shop.list.get(download_id)


def test_a_failed_one_says_why_and_can_be_tried_again(shop: Shop, server: Server) -> None:
    server.put(NAME, CONTENT)
    wrong = shop.order(sha256="0" * 64)
    assert "was changed" in (shop.until(wrong, DownloadState.FAILED).error or "")
    assert not (shop.models / "checkpoints").exists()
    server.put("/cut.safetensors", CONTENT[:-5])
    cut = shop.order("/cut.safetensors")
    assert "cannot be used" in (shop.until(cut, DownloadState.FAILED).error or "")
    server.put("/cut.safetensors", CONTENT, etag='"two"')
    shop.list.go_on(cut)
    assert "announced" in (shop.until(cut, DownloadState.FAILED).error or "")


def test_a_pickle_that_would_run_code_is_not_installed(shop: Shop, server: Server) -> None:
    server.put("/evil.ckpt", b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.")
    evil = shop.until(shop.order("/evil.ckpt"), DownloadState.FAILED)
    assert "posix.system" in (evil.error or "").replace(" ", ".")
    assert not [path for path in shop.models.rglob("*") if path.is_file()]


def test_one_that_fails_does_not_stop_the_next(shop: Shop, server: Server) -> None:
    server.put(NAME, CONTENT)
    server.put("/second.safetensors", CONTENT)
    first, second = shop.order(sha256="0" * 64), shop.order("/second.safetensors")
    shop.until(second, DownloadState.DONE)
    assert shop.list.get(first).state is DownloadState.FAILED


def test_a_place_that_is_taken_is_refused_and_never_replaced(
    shop: Shop, server: Server, gated: Callable[[], None]
) -> None:
    download_id = shop.order()
    with pytest.raises(BadRequest, match="on the list"):
        shop.order()
    place = shop.models / "checkpoints" / "w.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    with pytest.raises(BadRequest, match="already"):
        shop.order()
    gated()
    assert "meanwhile" in (shop.until(download_id, DownloadState.FAILED).error or "")
    assert place.read_bytes() == b"mine"
    place.unlink()
    shop.list.go_on(download_id)
    shop.until(download_id, DownloadState.DONE)
    assert len(server.ranges(NAME)) == 4  # looked at three times, fetched once


def test_files_must_be_among_those_offered(shop: Shop, server: Server) -> None:
    server.put(NAME, CONTENT)
    with pytest.raises(BadRequest, match=r"no 'other\.bin'"):
        shop.order(files=("other.bin",))
    with pytest.raises(BadRequest, match="several files"):
        shop.order(files=())


def test_an_unknown_one_is_not_found(shop: Shop) -> None:
    for act in (shop.list.pause, shop.list.go_on, shop.list.drop, shop.list.get):
        with pytest.raises(NotFound, match="download"):
            act(DownloadId("none"))
