"""Hashes of models' files, computed in the background, politely; and the watch over their folders.

Model sites and other programs name files by them: a checkpoint by the first ten digits of its sha256,
a LoRA by the first twelve of that of its tensors alone (AUTOMATIC1111's, Civitai's AutoV2 and AutoV3).
"""

from __future__ import annotations

import hashlib
import logging
import struct
import threading
import time
from pathlib import Path

from webui.contracts.events import LibraryChanged
from webui.services.catalog import Catalog
from webui.services.events import EventBus
from webui.services.file_records import FileRecords, Hashes, file_stamp

WATCH_SECONDS = 5.0
"""Between two looks at the folders."""
_BLOCK_BYTES = 8 << 20

_log = logging.getLogger(__name__)


def short_hash(hashes: Hashes, is_lora: bool) -> str:
    """As AUTOMATIC1111 shows it."""
    if is_lora and hashes.tensors is not None:
        return hashes.tensors[:12]
    return hashes.sha256[:10]


def hash_file(file: Path, pause: threading.Event, share: float = 0.5) -> Hashes | None:
    """Read a file once for both hashes; None when `pause` was set meanwhile.

    Args:
        file: The file.
        pause: Ends it.
        share: Of the time, at most this much is spent; the rest is left to those who draw.

    Raises:
        OSError: it cannot be read.
    """
    whole, tensors = hashlib.sha256(), hashlib.sha256()
    with file.open("rb") as stream:
        start = stream.read(8)
        skipped = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        is_safetensors = file.suffix.lower() == ".safetensors" and skipped < file.stat().st_size
        whole.update(start)
        if is_safetensors:
            whole.update(stream.read(skipped))
        while True:
            began = time.monotonic()
            block = stream.read(_BLOCK_BYTES)
            if not block:
                break
            whole.update(block)
            if is_safetensors:
                tensors.update(block)
            if pause.wait((time.monotonic() - began) * (1 / share - 1)):
                return None
    return Hashes(whole.hexdigest(), tensors.hexdigest() if is_safetensors else None)


class Librarian:
    """A thread that computes missing hashes and tells when the folders changed."""

    def __init__(self, catalog: Catalog, records: FileRecords, events: EventBus) -> None:
        self._catalog, self._records, self._events = catalog, records, events
        self._stop = threading.Event()
        self._failed: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="librarian", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what was not hashed is at the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def missing(self) -> list[str]:
        """Paths of single files whose hashes are not known, the smallest first."""
        infos = self._catalog.everything()
        sizes = {info.path: info.bytes for info in infos if Path(info.path).is_file()}
        known = self._records.hashes(sizes)
        waiting = [path for path in sizes if path not in known and path not in self._failed]
        return sorted(waiting, key=lambda path: sizes[path])

    def hash_next(self) -> bool:
        """Hash one file; whether there was one."""
        for path in self.missing():
            stamp = file_stamp(path)
            try:
                hashes = hash_file(Path(path), self._stop)
            except OSError as error:
                _log.warning("%s cannot be hashed: %s", path, error)
                self._failed.add(path)
                continue
            if hashes is None or stamp is None:
                return False
            self._records.keep_hashes(path, stamp, hashes)
            return True
        return False

    def _run(self) -> None:
        seen = 0
        while not self._stop.wait(0):
            try:
                hashed = self.hash_next()
                change = self._catalog.change()
            except Exception:  # noqa: BLE001 - the border of the thread
                _log.exception("The models could not be looked through.")
                hashed, change = False, seen
            if change != seen or hashed:
                seen = change
                self._events.publish(LibraryChanged())
            if not hashed:
                self._stop.wait(WATCH_SECONDS)
