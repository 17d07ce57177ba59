"""A thread for each extension that observes, so that one that is slow, or never ends, holds nobody up."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MAX_WAITING = 1000
"""Calls that an extension may be behind; older ones are dropped."""


@dataclass(frozen=True)
class Present:
    """A call that is going on."""

    hook: str
    seconds: float
    """How long already."""


class Mailbox:
    """Makes calls one after another, in its own thread, which begins with the first."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._condition = threading.Condition()
        self._waiting: deque[tuple[str, Callable[[], None]]] = deque(maxlen=MAX_WAITING)
        self._present: tuple[str, float] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, hook: str, call: Callable[[], None]) -> None:
        """Make a call later; it must not raise."""
        with self._condition:
            if self._closed:
                return
            self._waiting.append((hook, call))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"extension-{self._name}", daemon=True
                )
                self._thread.start()
            self._condition.notify_all()

    def present(self) -> Present | None:
        """The call that is going on."""
        present = self._present
        return None if present is None else Present(present[0], time.monotonic() - present[1])

    def settle(self, seconds: float) -> bool:
        """Wait until all calls were made; False when they were not in time."""
        with self._condition:
            return self._condition.wait_for(
                lambda: not self._waiting and self._present is None, seconds
            )

    def close(self) -> None:
        """Drop what waits and make no further call; one that is going on is left to itself."""
        with self._condition:
            self._closed = True
            self._waiting.clear()
            self._condition.notify_all()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                hook, call = self._waiting.popleft()
                self._present = (hook, time.monotonic())
            call()
            with self._condition:
                self._present = None
                self._condition.notify_all()
