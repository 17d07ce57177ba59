"""Photographs that the worker is to read into classes, and who waits for them."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import Future

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.contracts.messages import ClassesRead, ReadClasses

Waiting = Future[ClassesRead]


class ClassReadings:
    """Orders without an answer. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Waiting] = {}

    def begin(self, segmenter: AdapterInfo, image: str) -> tuple[ReadClasses, Waiting]:
        """An order, and what its answer comes to; an error of it is a JobFailed."""
        order, waiting = ReadClasses(secrets.token_hex(8), segmenter, image), Waiting()
        with self._lock:
            self._waiting[order.reading] = waiting
        return order, waiting

    def answered(self, event: ClassesRead) -> None:
        """Hand an answer to who waits for it."""
        with self._lock:
            waiting = self._waiting.pop(event.reading, None)
        if waiting is not None and event.error is not None:
            waiting.set_exception(JobFailed(event.error))
        elif waiting is not None:
            waiting.set_result(event)

    def fail(self, reason: str) -> None:
        """No answer will come to any that waits."""
        with self._lock:
            waiting, self._waiting = [*self._waiting.values()], {}
        for each in waiting:
            each.set_exception(JobFailed(reason))
