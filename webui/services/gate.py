"""Whether waiting jobs may go to the worker: somebody may hold them back, for a game or for the night."""

from __future__ import annotations

from webui.contracts.events import QueuePaused
from webui.services.events import EventBus
from webui.services.settings import SettingsStore

KEY = "queue.paused"


class QueueGate:
    """Whether the queue is paused; remembered over restarts. What runs already runs on."""

    def __init__(self, store: SettingsStore, events: EventBus) -> None:
        self._store = store
        self._events = events
        self._is_paused = store.get(KEY) is True

    @property
    def is_paused(self) -> bool:
        """Whether jobs wait here."""
        return self._is_paused

    def pause(self, paused: bool) -> None:
        """Pause the queue, or let it go on; all pages are told."""
        self._store.put(KEY, paused)
        self._is_paused = paused
        self._events.publish(QueuePaused(paused))
