"""Models of families that extensions know: what none of Easel's own takes is shown to them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import ModelId
from webui.services.catalog_scan import Entry
from webui.services.diffusers_folder import INDEX_FILE
from webui.services.model_files import read_easel, read_json, weight_files
from webui.services.sidecars import read_beside
from webui.services.single_file import checkpoint_of
from webui.weights.header import TensorInfo, WeightsHeader
from webui.weights.read import read_weights
from webui.weights.signatures.facts import Describe, Facts, WeightsFile

Families = Sequence[tuple[str, Describe]]
"""(name, what tells its files from others), in the order in which they are asked."""

_log = logging.getLogger(__name__)


class AddedFamilies:
    """Asks the families that there are now; what they said is kept as long as family and file stay.

    May be used from any thread. While one asks, which takes as long as the extensions do, others are told what
    was known before.
    """

    def __init__(self, families: Callable[[], Families] = tuple) -> None:
        """`families` gives those of the extensions in use; equal as long as they are the same."""
        self._families = families
        self._asked: tuple[Families, Mapping[str, Entry]] = ((), {})
        self._answers: dict[str, tuple[int, CheckpointInfo | None]] = {}
        self._models: Mapping[str, CheckpointInfo] = {}
        self._lock = threading.Lock()

    def models(self, entries: Mapping[str, Entry]) -> Mapping[str, CheckpointInfo]:
        """The models among what is unknown, by path; the same object as long as nothing changes."""
        families = self._families()
        if not families and not self._models:
            return self._models
        if not self._lock.acquire(blocking=False):
            return self._models
        try:
            if families != self._asked[0]:
                self._answers = {}
            elif entries is self._asked[1]:
                return self._models
            self._asked = families, entries
            self._models = self._found(families, entries)
        finally:
            self._lock.release()
        return self._models

    def _found(
        self, families: Families, entries: Mapping[str, Entry]
    ) -> Mapping[str, CheckpointInfo]:
        known, self._answers = self._answers, {}
        for path, entry in entries.items():
            if entry.unknown and families:
                before = known.get(path)
                same = before is not None and before[0] == entry.stamp
                info = before[1] if same and before else _described(path, entry, families)
                self._answers[path] = entry.stamp, info
        return {path: info for path, (_, info) in self._answers.items() if info is not None}


def _described(path: str, entry: Entry, families: Families) -> CheckpointInfo | None:
    """The model at a path, by the first family that takes it; None where none does."""
    try:
        file = read_unknown(Path(path))
        for _, describe in families:
            answer = describe(file)
            if isinstance(answer, Facts):
                return checkpoint_of(file, answer, ModelId(entry.unknown))
    except (NotAModel, BrokenModel) as error:
        _log.warning("%s is left out: %s", path, error)
    return None


def read_unknown(path: Path) -> WeightsFile:
    """A weights file, or a diffusers folder with all its parts, as families are shown it.

    Raises:
        NotAModel, BrokenModel: it cannot be read.
    """
    if path.is_file():
        return WeightsFile(path.resolve(), read_weights(path), read_beside(path))
    tensors: dict[str, TensorInfo] = {}
    size = 0
    for part in sorted(each for each in path.iterdir() if each.is_dir()):
        if any(part.glob("*.safetensors")):
            for file in weight_files(part):
                header = read_weights(file)
                tensors |= {f"{part.name}.{name}": each for name, each in header.tensors.items()}
                size += header.bytes
    # Any: JSON that a person wrote.
    index: dict[str, Any] = read_json(path / INDEX_FILE)
    whole = WeightsHeader("safetensors", tensors, {}, size)
    return WeightsFile(path.resolve(), whole, read_easel(path), index)
