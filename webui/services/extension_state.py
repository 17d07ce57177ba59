"""Which extensions are wanted, and where they came from: a file beside the models and the pictures."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from webui.services.files import write_file

FILE = "extensions.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Origin:
    """Where an installed extension came from."""

    source: str
    """A git address, a folder, or a package as it was asked for."""
    commit: str = ""
    """Of a git address: what was installed."""
    version: str = ""
    permissions: tuple[str, ...] = ()
    before: str = ""
    """The commit that an update replaced; the way back."""


@dataclass(frozen=True)
class _Kept:
    enabled: tuple[str, ...] = ()
    origins: Mapping[str, Origin] | None = None


_ADAPTER = TypeAdapter(_Kept)


class ExtensionState:
    """Reads and writes the file; the command line and a running studio share it."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / FILE
        self._partial = data_dir / "outputs" / ".partial"
        self._lock = threading.Lock()

    def enabled(self) -> tuple[str, ...]:
        """Names, in the order in which they were enabled."""
        return self._read().enabled

    def origins(self) -> Mapping[str, Origin]:
        """By name; those that were put there by hand have none."""
        return self._read().origins or {}

    def enable(self, name: str, wanted: bool) -> None:
        """Want an extension, or no longer; on disk when this returns."""
        with self._lock:
            kept = self._read()
            others = tuple(each for each in kept.enabled if each != name)
            self._write((*others, name) if wanted else others, kept.origins or {})

    def remember(self, name: str, origin: Origin | None) -> None:
        """Keep where an extension came from; None forgets it."""
        with self._lock:
            kept = self._read()
            origins = {each: o for each, o in (kept.origins or {}).items() if each != name}
            self._write(kept.enabled, origins if origin is None else {**origins, name: origin})

    def _read(self) -> _Kept:
        try:
            return _ADAPTER.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return _Kept()
        except (ValidationError, OSError) as error:
            _log.warning("%s cannot be read, so no extension is used: %s", self._file, error)
            return _Kept()

    def _write(self, enabled: tuple[str, ...], origins: Mapping[str, Origin]) -> None:
        values = {"enabled": enabled, "origins": {n: asdict(o) for n, o in origins.items()}}
        text = json.dumps(values, indent=2) + "\n"
        write_file(self._file, text.encode(), partial=self._partial)
