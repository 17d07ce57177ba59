"""The bus on which services tell what happened; listeners are called in the telling thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from webui.contracts.events import Event

Listener = Callable[[Event], None]

_log = logging.getLogger(__name__)


class EventBus:
    """Passes each event to every listener, in the order of subscription."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[object, Listener] = {}

    def publish(self, event: Event) -> None:
        """Call every listener with the event; one that raises is logged and the others go on."""
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - foreign code; the border of the bus
                _log.exception(
                    "A listener failed on %s; the others were told.", type(event).__name__
                )

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear every later event; call the returned function to hear no more.

        A listener must be quick and must not wait for another thread: the teller holds locks that
        keep events in order. Hand longer work to a queue.
        """
        key = object()
        with self._lock:
            self._listeners[key] = listener

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return unsubscribe
