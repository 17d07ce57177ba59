"""What the dispatcher needs of a worker, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from webui.contracts.messages import Command, WorkerEvent

OnEvent = Callable[[WorkerEvent], None]
"""Given to a worker at construction; called from a thread of the worker's handle, in order."""


class Worker(Protocol):
    """One life of an engine. It ends with exactly one WorkerGone and is not started again."""

    @property
    def pid(self) -> int | None:
        """Process id on this machine; None when there is none."""
        ...

    def start(self) -> None:
        """Begin; WorkerReady, or WorkerGone, follows through `on_event`."""
        ...

    def send(self, command: Command) -> None:
        """Pass a command on; one for a worker that has ended is dropped (WorkerGone tells)."""
        ...

    def stop(self, timeout: float) -> None:
        """End it in good order, or by force after `timeout` seconds; returns when it has ended."""
        ...
