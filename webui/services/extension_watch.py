"""Follows what happens to extensions beside the studio: the command line, an editor, a person's hands."""

from __future__ import annotations

import logging
import threading

from webui.services.extensions import ExtensionService

EVERY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class ExtensionWatch:
    """Asks the service once a second to use what is wanted by now."""

    def __init__(self, service: ExtensionService, seconds: float = EVERY_SECONDS) -> None:
        self._service = service
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="extension-watch", daemon=True)

    def start(self) -> None:
        """Begin; the extensions that are wanted have been loaded before."""
        self._thread.start()

    def stop(self) -> None:
        """End; one that is being loaded is not waited for."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(self._seconds)

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            try:
                self._service.follow()
            except Exception:  # noqa: BLE001 - the border of a thread that must go on
                _log.exception("Extensions could not be looked at; they are again in a moment.")
