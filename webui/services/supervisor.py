"""Keeps one worker alive: starts it, and after its end starts the next, with growing pauses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from webui.contracts.messages import Command, ModelReady, WorkerEvent, WorkerReady
from webui.workers.protocol import OnEvent, Worker

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

_log = logging.getLogger(__name__)

MakeWorker = Callable[[OnEvent], Worker]


@dataclass(frozen=True)
class WorkerStatus:
    """What the page's header and the health route say of the worker."""

    state: str
    """'starting', 'ready' or 'gone'."""
    device: str
    """As the worker named it; empty before it is ready."""
    detail: str
    """A sentence."""
    resident_bytes: int
    """Weights in memory."""
    pid: int | None


def together(workers: Sequence[WorkerStatus]) -> WorkerStatus:
    """Several workers as one: ready as soon as one of them is, with the memory of all and the first one's id."""
    if len(workers) == 1:
        return workers[0]
    states = [worker.state for worker in workers]
    state = next(s for s in ("ready", "starting", "gone") if s in states)
    devices = " + ".join(worker.device for worker in workers if worker.device)
    detail = " ".join(f"{n}: {worker.detail}" for n, worker in enumerate(workers, 1))
    resident = sum(worker.resident_bytes for worker in workers)
    return WorkerStatus(state, devices, detail, resident, workers[0].pid)


class Supervisor:
    """One worker after another. All methods but `status` belong to the dispatcher's thread."""

    def __init__(
        self,
        make_worker: MakeWorker,
        on_event: Callable[[int, WorkerEvent], None],
        on_change: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """Nothing is started yet.

        Args:
            make_worker: Makes a fresh worker that tells the given callback of everything.
            on_event: Told with the number of the life, as a dead worker's words may come late.
            on_change: Told that the status is another.
            clock: Seconds that only rise.
        """
        self.life = 0
        self._make_worker = make_worker
        self._on_event = on_event
        self._on_change = on_change
        self._clock = clock
        self._worker: Worker | None = None
        self._ends_in_a_row = 0
        self._due: float | None = clock()
        self._status = WorkerStatus("gone", "", "The worker has not been started.", 0, None)

    @property
    def is_ready(self) -> bool:
        """Whether jobs may be sent."""
        return self._status.state == "ready"

    def status(self) -> WorkerStatus:
        """The present state; may be asked from any thread."""
        return self._status

    def seconds_until_due(self) -> float | None:
        """Seconds until the next start; None while a worker lives."""
        return None if self._due is None else max(0.0, self._due - self._clock())

    def start_if_due(self) -> None:
        """Start a worker when it is time for one."""
        if self._due is None or self._clock() < self._due:
            return
        self._due = None
        self.life += 1
        life = self.life
        try:
            self._worker = self._make_worker(lambda event: self._on_event(life, event))
            self._worker.start()
        except OSError as error:
            self.ended(f"The worker cannot be started: {error}.")
            return
        self._become(WorkerStatus("starting", "", "The worker is starting.", 0, self._worker.pid))

    def ready(self, event: WorkerReady) -> None:
        """Note that the worker takes jobs."""
        self._become(replace(self._status, state="ready", device=event.device, detail="Ready."))

    def loaded(self, event: ModelReady) -> None:
        """Note what the worker has in memory."""
        detail = f"{event.model} was loaded in {event.seconds:.1f} s."
        self._become(replace(self._status, detail=detail, resident_bytes=event.resident_bytes))

    def proved(self) -> None:
        """Note that a job was finished: the next end is again followed by a short pause."""
        self._ends_in_a_row = 0

    def ended(self, reason: str) -> None:
        """Note the worker's end, and plan the next start."""
        pause = min(FIRST_PAUSE_SECONDS * 2**self._ends_in_a_row, LONGEST_PAUSE_SECONDS)
        self._ends_in_a_row = min(self._ends_in_a_row + 1, 16)
        self._due = self._clock() + pause
        self._worker = None
        _log.warning("%s The next one is started in %.1f s.", reason, pause)
        self._become(WorkerStatus("gone", "", f"{reason} Started again in {pause:g} s.", 0, None))

    def send(self, command: Command) -> None:
        """Pass a command to the worker, if one lives."""
        if self._worker is not None:
            self._worker.send(command)

    def renew(self, timeout: float) -> None:
        """End the worker, which must have nothing to do, and let the next one start at once."""
        self.stop(timeout)
        self._due = self._clock()

    def stop(self, timeout: float) -> None:
        """End the worker and start no other."""
        self._due = None
        if self._worker is not None:
            self._worker.stop(timeout)
            self._worker = None
        self._become(WorkerStatus("gone", "", "The worker was stopped.", 0, None))

    def _become(self, status: WorkerStatus) -> None:
        self._status = status
        self._on_change()
