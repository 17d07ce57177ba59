"""Which extensions are wanted: a file in the data folder."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from webui.services.files import write_file

FILE = "extensions.json"
_NAMES = TypeAdapter(tuple[str, ...])

_log = logging.getLogger(__name__)


class ExtensionState:
    """Reads and writes the file; read anew each time, for a person may edit it."""

    def __init__(self, data_dir: Path) -> None:
        self.file = data_dir / FILE
        """Where they stand."""
        self._partial = data_dir / "outputs" / ".partial"
        self._lock = threading.Lock()

    def enabled(self) -> tuple[str, ...]:
        """Names, in the order in which they were enabled; none where the file cannot be read."""
        try:
            return _NAMES.validate_json(self.file.read_bytes())
        except FileNotFoundError:
            return ()
        except (ValidationError, OSError) as error:
            _log.warning("%s cannot be read, so no extension is used: %s", self.file, error)
            return ()

    def enable(self, name: str, wanted: bool) -> None:
        """Want an extension, or no longer; on disk when this returns."""
        with self._lock:
            others = [each for each in self.enabled() if each != name]
            names = [*others, name] if wanted else others
            write_file(self.file, f"{json.dumps(names)}\n".encode(), partial=self._partial)
