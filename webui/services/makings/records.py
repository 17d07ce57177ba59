"""Makings on disk: a file in the data folder that is written anew at each change."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from webui.contracts.ids import MakingId
from webui.contracts.making import Making, MakingState
from webui.services.files import write_file

FILE = "makings.json"
KEPT = 100
"""Of those that are over, the youngest."""
_ALL = TypeAdapter(tuple[Making, ...])

_log = logging.getLogger(__name__)


class MakingRecords:
    """Holds the list in memory; what is ordered is on disk before it is obeyed. Any thread may ask."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / FILE
        self._partial = data_dir / "outputs" / ".partial"
        self._lock = threading.Lock()
        self._makings = self._read()

    def all(self) -> tuple[Making, ...]:
        """All, oldest first."""
        return self._makings

    def put(self, making: Making) -> None:
        """Keep one, in the place of what was known of it before.

        Raises:
            OSError: the disk; nothing was changed.
        """
        with self._lock:
            is_known = any(each.id == making.id for each in self._makings)
            self._keep(
                tuple(making if each.id == making.id else each for each in self._makings)
                if is_known else (*self._makings, making)
            )  # fmt: skip

    def replace(self, making: Making) -> None:
        """How one that is still on the list stands now; it holds even where it cannot be written down."""
        with self._lock:
            makings = tuple(making if each.id == making.id else each for each in self._makings)
            self._makings = makings
            try:
                self._keep(makings)
            except OSError:
                _log.exception("How the making of %s stands could not be kept.", making.target)

    def drop(self, making_id: MakingId) -> None:
        """Take one off the list."""
        with self._lock:
            self._keep(tuple(each for each in self._makings if each.id != making_id))

    def interrupt(self) -> None:
        """Say of all that are not over that they were interrupted."""
        with self._lock:
            ended = {"state": MakingState.INTERRUPTED}
            makings = tuple(m if m.state.is_final else m.model_copy(update=ended) for m in self._makings)  # fmt: skip
            if makings != self._makings:
                self._keep(makings)

    def _keep(self, makings: tuple[Making, ...]) -> None:
        over = [each.id for each in makings if each.state.is_final]
        gone = set(over[:-KEPT])
        makings = tuple(each for each in makings if each.id not in gone)
        write_file(self._file, _ALL.dump_json(makings, indent=1), partial=self._partial)
        self._makings = makings

    def _read(self) -> tuple[Making, ...]:
        try:
            return _ALL.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return ()
        except (ValidationError, OSError) as error:
            _log.warning("%s cannot be read, so the list of makings is empty: %s", self._file, error)  # fmt: skip
            return ()
