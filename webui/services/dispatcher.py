"""Brings queued jobs to the workers, one for each device, and what they make into the record.

One thread does all of it, so its state needs no locks; others reach it through an inbox. While
nothing happens it sleeps. What concerns one device is in `station.py`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.exc import OperationalError

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import EaselError
from webui.contracts.events import Event, JobChanged, QueuePaused, WorkerChanged
from webui.contracts.ids import JobId
from webui.contracts.job import JobState
from webui.contracts.messages import (
    CancelJob,
    ReadClasses,
    UseExtensions,
    WorkerEvent,
    WorkerGone,
)
from webui.contracts.preferences import Preferences
from webui.services.catalog import Catalog
from webui.services.class_readings import Waiting
from webui.services.events import EventBus
from webui.services.extensions import ExtensionService
from webui.services.gallery import Gallery
from webui.services.images import ImageStore
from webui.services.jobs import JobService
from webui.services.station import Station, StationServices
from webui.services.supervisor import MakeWorker, Supervisor, WorkerStatus, together

__all__ = ["Dispatcher", "WorkerStatus"]

RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Said:
    """The worker of a station said something, in some life of it."""

    station: int
    life: int
    event: WorkerEvent


@dataclass(frozen=True)
class _Read:
    """A station's worker shall read a picture."""

    station: Station
    order: ReadClasses


_Item = _Said | _Read | CancelJob | UseExtensions


class Dispatcher:
    """Gives each queued job to the station that is likely to draw it first.

    There is a station for each of `make_workers`, at least one; each gets up to `capacity` jobs at once.
    """

    def __init__(  # noqa: PLR0913 - one place wires these, and each is a service
        self,
        jobs: JobService,
        catalog: Catalog,
        images: ImageStore,
        gallery: Gallery,
        events: EventBus,
        make_workers: Sequence[MakeWorker],
        capacity: int = 16,
        clock: Callable[[], float] = time.monotonic,
        extensions: ExtensionService | None = None,
        is_paused: Callable[[], bool] = lambda: False,
        preferences: Callable[[], Preferences] = Preferences,
    ) -> None:
        self._jobs = jobs
        self._gallery = gallery
        self._events = events
        self._extensions = extensions
        self._is_paused = is_paused
        self._clock = clock
        services = StationServices(jobs, catalog, images, gallery, events, extensions, preferences)
        self._stations = [
            Station(
                services,
                Supervisor(make, partial(self._hear, number), self._worker_changed, clock),
                capacity,
                clock,
            )
            for number, make in enumerate(make_workers)
        ]
        self._condition = threading.Condition()
        self._inbox: deque[_Item] = deque()
        self._woken = True
        self._stopping = False
        self._retry_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Put back what an earlier studio left running, start the workers, and begin."""
        self._jobs.recover()
        self._jobs.on_cancel = lambda job_id: self._put(CancelJob(job_id))
        self._gallery.on_problems = self._note_problem
        self._unsubscribe = self._events.subscribe(self._on_event)
        self._thread.start()

    def stop(self) -> None:
        """End the workers; their jobs go back to the queue and are run after the next start."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._unsubscribe()

    def status(self) -> WorkerStatus:
        """The workers' state, as of one."""
        return together(self.statuses())

    def statuses(self) -> list[WorkerStatus]:
        """Each worker's state, by device."""
        return [station.status() for station in self._stations]

    # From other threads

    def refresh_extensions(self) -> None:
        """Tell the workers that extensions came or went."""
        if self._extensions is not None:
            self._put(self._extensions.worker_command())

    def renew_workers(self, *, warm_up: bool = True) -> None:
        """Have each worker started anew as soon as it draws nothing: it obeys its settings and holds no memory.

        Without `warm_up` no model is loaded ahead, so the memory stays free until a job needs it.
        """
        with self._condition:
            for station in self._stations:
                station.ask_to_renew(warm_up=warm_up)
            self._woken = True
            self._condition.notify()

    def read_classes(self, segmenter: AdapterInfo, image: str) -> Waiting:
        """Have a worker see which classes a picture's file shows; an error of it is a JobFailed."""
        ready = (s for s in self._stations if s.status().state == "ready")
        station = next(ready, self._stations[0])
        order, waiting = station.begin_reading(segmenter, image)
        self._put(_Read(station, order))
        return waiting

    def _on_event(self, event: Event) -> None:
        is_queued = isinstance(event, JobChanged) and event.job.state is JobState.QUEUED
        if is_queued or isinstance(event, QueuePaused):
            with self._condition:
                self._woken = True
                self._condition.notify()

    def _hear(self, station: int, life: int, event: WorkerEvent) -> None:
        self._put(_Said(station, life, event))

    def _worker_changed(self) -> None:
        status = self.status()
        self._events.publish(WorkerChanged(status.state, status.device, status.detail))

    def _put(self, item: _Item) -> None:
        with self._condition:
            self._inbox.append(item)
            self._condition.notify()

    # The thread

    def _run(self) -> None:
        while self._wait():
            try:
                self._turn()
            except OperationalError:
                # The disk is full or the file is locked: everything stays as it is, for later.
                _log.exception(
                    "The record cannot be written; trying again in %.0f s.", RETRY_SECONDS
                )
                self._retry_at = self._clock() + RETRY_SECONDS
        self._wind_down()

    def _wait(self) -> bool:
        """Sleep until there is something to do; False when it is to stop."""
        with self._condition:
            while not self._stopping:
                due = [
                    self._retry_in(),
                    *(s.supervisor.seconds_until_due() for s in self._stations),
                ]
                pauses = [seconds for seconds in due if seconds is not None]
                if any(s <= 0 for s in pauses):
                    break
                if self._retry_at is None and (self._inbox or self._woken):
                    break
                self._condition.wait(min(pauses, default=None))
            self._woken = False
            return not self._stopping

    def _retry_in(self) -> float | None:
        return None if self._retry_at is None else self._retry_at - self._clock()

    def _turn(self) -> None:
        self._retry_at = None
        self._empty_inbox()
        for station in self._stations:
            station.turn()
        self._hand_out()

    def _empty_inbox(self) -> None:
        while self._inbox:
            item = self._inbox[0]
            try:
                self._handle(item)
            except OperationalError:
                raise  # the item stays and is handled again
            except Exception:  # noqa: BLE001 - the border of the worker loop
                _log.exception("%s could not be handled.", type(item).__name__)
                self._give_up_on(item)
            self._inbox.popleft()

    def _handle(self, item: _Item) -> None:
        if isinstance(item, CancelJob):
            for station in self._stations:
                station.cancel(item)
        elif isinstance(item, UseExtensions):
            for station in self._stations:
                station.supervisor.send(item)
        elif isinstance(item, _Read):
            item.station.read(item.order)
        else:
            station = self._stations[item.station]
            if item.life == station.supervisor.life:
                station.handle(item.event)

    def _hand_out(self) -> None:
        while not self._is_paused():
            job = self._jobs.next_queued()
            able = [s for s in self._stations if s.takes(job)] if job is not None else []
            if job is None or not able:
                return
            min(able, key=lambda station: station.wait_for(job)).give(job)

    def _note_problem(self, job_id: JobId, said: str) -> None:
        for station in self._stations:
            station.held.note_own(job_id, said)

    def _give_up_on(self, item: _Item) -> None:
        """After an error that nobody foresaw: end the job that it was about, so it is not stuck."""
        job_id = getattr(getattr(item, "event", item), "job_id", None)
        for station in self._stations:
            station.give_up_on(job_id)

    def _wind_down(self) -> None:
        for station in self._stations:
            station.end()
        self._inbox = deque(i for i in self._inbox if not _is_gone(i))  # it was told to go
        try:
            self._empty_inbox()  # pictures that came before the end are kept
            for station in self._stations:
                station.held.studio_ends()
        except (OperationalError, EaselError):
            _log.exception("The queue could not be put in order; the next start does it.")


def _is_gone(item: _Item) -> bool:
    return isinstance(item, _Said) and isinstance(item.event, WorkerGone)
