"""The list of downloads: one comes at a time; drops, pauses and restarts lose nothing that has come."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from webui.contracts.download import Download, DownloadState, Offer, Order, RemoteFile
from webui.contracts.errors import (
    BadRequest,
    BrokenModel,
    DownloadFailed,
    EaselError,
    NotAModel,
    UnsafeModel,
)
from webui.contracts.events import DownloadChanged, DownloadDropped
from webui.contracts.ids import DownloadId, new_download_id
from webui.services.downloads.network import Web
from webui.services.downloads.place import Place
from webui.services.downloads.records import DownloadRecords
from webui.services.downloads.sources import Sites, look
from webui.services.downloads.transfer import Stopped, Watch, fetch
from webui.services.events import EventBus
from webui.weights.read import ENDINGS, read_weights

TELL_SECONDS = 0.25
"""Between two events of a transfer."""
STOP_SECONDS = 2.0
SPEED_SECONDS = 5.0
"""Over which speed is measured."""

_log = logging.getLogger(__name__)

OnInstalled = Callable[[Download], None]


@dataclass
class _Running:
    """The download that is under way, and how to stop it."""

    download: Download
    stop: threading.Event = field(default_factory=threading.Event)
    told: float = 0.0
    seen: deque[tuple[float, int]] = field(default_factory=deque)
    """Moments and bytes of the last seconds."""


class Downloads:
    """Orders, follows and stops downloads. All methods may be called from any thread."""

    def __init__(
        self,
        database: Engine,
        models: Path,
        web: Web,
        sites: Sites,
        events: EventBus,
        on_installed: OnInstalled = lambda _: None,
    ) -> None:
        """Nothing is fetched before `start`.

        Args:
            database: Keeps the list.
            models: The folder of models; what comes is put below it.
            web: Fetches.
            sites: Where the libraries of models are.
            events: Told of every change.
            on_installed: Called in the list's thread when a download is at its place.
        """
        self._records = DownloadRecords(database)
        self._place = Place(models)
        self._web, self._sites, self._events = web, sites, events
        self._on_installed = on_installed
        self._condition = threading.Condition()
        self._running: _Running | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)

    def start(self) -> None:
        """Go on with what an earlier studio left."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is under way goes on after the next start."""
        with self._condition:
            self._ending = True
            if self._running is not None:
                self._running.stop.set()
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        self._web.close()

    def look(self, source: str) -> Offer:
        """What a source has. Asks the network, so it may take seconds.

        Raises:
            BadRequest, ForbiddenAddress, DownloadFailed: as `sources.look`.
        """
        return look(self._web, self._sites, source)

    def order(self, order: Order) -> Download:
        """Put a download on the list; it is recorded when this returns.

        Raises:
            BadRequest: the source is none, has no such files, or its place is taken.
            DownloadFailed: the site does not answer.
        """
        offer = self.look(order.source)
        files = _chosen(offer, order)
        kind, name = order.kind or offer.kind, order.name or offer.name
        download = Download(
            id=new_download_id(), source=offer.source, title=offer.title, kind=kind,
            target=self._place.target(offer, kind, name, files), files=files,
            state=DownloadState.WAITING, is_folder=offer.is_folder or len(files) > 1,
            base=offer.base, triggers=offer.triggers, created=time.time(),
        )  # fmt: skip
        with self._condition:
            if any(
                d.target == download.target and d.state is not DownloadState.DONE
                for d in self._records.all()
            ):
                raise BadRequest(f"{download.target!r} is on the list of downloads already.")
            self._records.add(download)
            self._tell(download)
            self._condition.notify_all()
        return download

    def list(self) -> tuple[Download, ...]:
        """All downloads, oldest first, as they are now."""
        with self._condition:
            running = self._running
            return tuple(
                running.download if running and running.download.id == d.id else self._measured(d)
                for d in self._records.all()
            )

    def get(self, download_id: DownloadId) -> Download:
        """One of them.

        Raises:
            NotFound: there is none of this id.
        """
        found = [d for d in self.list() if d.id == download_id]
        return found[0] if found else self._records.get(download_id)

    def pause(self, download_id: DownloadId) -> Download:
        """Stop for now; what has come is kept. One that is over stays as it is."""
        return self._set(download_id, DownloadState.PAUSED, DownloadState.DONE)

    def go_on(self, download_id: DownloadId) -> Download:
        """Take up a paused or failed one where it was left; others stay as they are."""
        moving = (DownloadState.DONE, DownloadState.RUNNING, DownloadState.WAITING)
        return self._set(download_id, DownloadState.WAITING, *moving)

    def drop(self, download_id: DownloadId) -> None:
        """Take it off the list, and delete what of it is not at its place.

        Raises:
            NotFound: there is none of this id.
        """
        with self._condition:
            self._records.get(download_id)
            self._records.drop(download_id)
            if self._running is not None and self._running.download.id == download_id:
                self._running.stop.set()
            else:
                self._place.clear(download_id)
            self._events.publish(DownloadDropped(download_id))

    def _set(self, download_id: DownloadId, state: DownloadState, *but: DownloadState) -> Download:
        with self._condition:
            download = self._records.get(download_id)
            if download.state not in but:
                download = replace(self._measured(download), state=state, error=None)
                self._records.put(download)
                if self._running is not None and self._running.download.id == download_id:
                    self._running.stop.set()
                self._tell(download)
                self._condition.notify_all()
            return download

    def _measured(self, download: Download) -> Download:
        """With the bytes that lie on the disk."""
        if download.state is DownloadState.DONE:
            return replace(download, bytes_done=download.bytes_total or 0)
        return replace(download, bytes_done=sum(self._come(download, f) for f in download.files))

    def _come(self, download: Download, file: RemoteFile) -> int:
        for path in (self._place.whole(download, file), self._place.part(download, file)):
            if path.is_file():
                return path.stat().st_size
        return 0

    # The thread

    def _run(self) -> None:
        while (running := self._take()) is not None:
            download = self._done(running)
            with self._condition:
                self._running = None
                self._settle(download)

    def _take(self) -> _Running | None:
        """Wait for the next one; None when it is to end."""
        with self._condition:
            while not self._ending:
                waiting = self._records.next_waiting()
                if waiting is not None:
                    running = replace(self._measured(waiting), state=DownloadState.RUNNING)
                    self._records.put(running)
                    self._running = _Running(running)
                    self._tell(running)
                    return self._running
                self._condition.wait()
            return None

    def _done(self, running: _Running) -> Download:
        """Fetch one; how it stands then."""
        try:
            for place in range(len(running.download.files)):
                self._fetch(running, place)
            self._place.finish(running.download)
        except Stopped:
            return running.download
        except (EaselError, OSError) as error:
            return replace(running.download, state=DownloadState.FAILED, error=_sentence(error))
        except Exception:  # noqa: BLE001 - the border of the thread
            _log.exception("The download of %s failed.", running.download.source)
            error_text = "Easel failed inside while it fetched this; its log says why."
            return replace(running.download, state=DownloadState.FAILED, error=error_text)
        return replace(running.download, state=DownloadState.DONE)

    def _settle(self, download: Download) -> None:
        """Write down how it ended, unless it was meanwhile paused, dropped, or is to go on later."""
        ended = replace(
            download,
            bytes_per_second=None,
            finished=time.time() if download.state.is_final else None,
        )
        if not download.state.is_final:
            try:
                ended = replace(ended, state=self._records.get(download.id).state)
            except EaselError:
                self._place.clear(download.id)
                return
            if ended.state is DownloadState.RUNNING:
                return  # the studio ends; the next one goes on
        try:
            is_listed = self._records.put(ended)
        except SQLAlchemyError:
            _log.exception("The end of the download of %s could not be recorded.", ended.source)
            return
        if is_listed:
            self._tell(ended)
        else:
            self._place.clear(ended.id)
        if ended.state is DownloadState.DONE:
            self._on_installed(ended)

    def _fetch(self, running: _Running, place: int) -> None:
        """Fetch one file of it, unless it lies there from before."""
        download = running.download
        wanted = download.files[place]
        part, whole = self._place.part(download, wanted), self._place.whole(download, wanted)
        if whole.is_file():
            return
        before = sum(self._come(download, file) for file in download.files if file is not wanted)
        watch = Watch(
            moved=lambda count: self._moved(running, before + count),
            sized=lambda size: self._sized(running, place, size),
            wait=running.stop.wait,
        )
        fetch(self._web, wanted, part, watch)
        if wanted.path.lower().endswith(ENDINGS):
            _check_weights(part)
        part.replace(whole)

    def _moved(self, running: _Running, count: int) -> None:
        now = time.monotonic()
        running.seen.append((now, count))
        while now - running.seen[0][0] > SPEED_SECONDS:
            running.seen.popleft()
        if now - running.told < TELL_SECONDS:
            return
        (first, begun), seconds = running.seen[0], now - running.seen[0][0]
        speed = (count - begun) / seconds if seconds > 0 and now > first else None
        with self._condition:
            running.told = now
            running.download = replace(running.download, bytes_done=count, bytes_per_second=speed)
            self._tell(running.download)

    def _sized(self, running: _Running, place: int, size: int) -> None:
        """Remember a size that the source had not said."""
        files = list(running.download.files)
        files[place] = replace(files[place], bytes=size)
        with self._condition:
            running.download = replace(running.download, files=tuple(files))

    def _tell(self, download: Download) -> None:
        self._events.publish(DownloadChanged(download))


def _chosen(offer: Offer, order: Order) -> tuple[RemoteFile, ...]:
    """The files of an offer that an order means.

    Raises:
        BadRequest: none is meant, or one that is not there; or a hash is given for several.
    """
    names = [file.path for file in offer.files]
    wanted = (
        order.files if order.files is not None else [f.path for f in offer.files if f.is_chosen]
    )
    if not wanted:
        raise BadRequest(
            f"{offer.source!r} has several files: {', '.join(names[:20])}. Say which with `files`."
        )
    if missing := [name for name in wanted if name not in names]:
        raise BadRequest(f"{offer.source!r} has no {missing[0]!r}; it has {', '.join(names[:20])}.")
    files = tuple(file for file in offer.files if file.path in wanted)
    if order.sha256 is None:
        return files
    if len(files) > 1:
        raise BadRequest("A sha256 was given for several files; give it for one.")
    return (replace(files[0], sha256=order.sha256),)


def _check_weights(part: Path) -> None:
    """Look at what came before it is among the models; what is damaged or unsafe is deleted.

    Raises:
        DownloadFailed: it is, and why.
    """
    try:
        read_weights(part)
    except (BrokenModel, UnsafeModel) as error:
        part.unlink()
        raise DownloadFailed(f"What came cannot be used, and was deleted: {error}") from error
    except NotAModel:
        pass  # the catalog says what it is, or is not


def _sentence(error: Exception) -> str:
    if isinstance(error, EaselError):
        return str(error)
    return f"It could not be written: {error}. Make room or see to the folder's permissions, and go on."
