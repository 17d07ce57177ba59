"""The checkpoints that are installed, known from their files' headers."""

from __future__ import annotations

import difflib
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel, NotAModel, UnknownModel
from webui.contracts.ids import ModelId
from webui.services.diffusers_folder import INDEX_FILE, describe_folder

PREFERRED = ModelId("starter/text")
MAX_DEPTH = 6

_log = logging.getLogger(__name__)

_Fingerprint = dict[Path, tuple[int, int]]


class Catalog:
    """All models below some folders; looked for again when the folders change."""

    def __init__(self, folders: Sequence[Path], built_in: Sequence[CheckpointInfo] = ()) -> None:
        """Nothing is read yet.

        Args:
            folders: Searched in order; the first that holds an id wins.
            built_in: Models that need no files, such as the fake engine's.
        """
        self._folders = tuple(folders)
        self._built_in = tuple(built_in)
        self._lock = threading.Lock()
        self._models: dict[ModelId, CheckpointInfo] | None = None
        self._problems: tuple[tuple[str, str], ...] = ()
        self._fingerprint: _Fingerprint = {}

    def models(self) -> tuple[CheckpointInfo, ...]:
        """Every usable model, by id."""
        return tuple(self._current().values())

    def get(self, model: ModelId) -> CheckpointInfo:
        """The model of this id.

        Raises:
            UnknownModel: names the nearest ones.
        """
        models = self._current()
        if model in models:
            return models[model]
        near = difflib.get_close_matches(model, list(models), n=3, cutoff=0.4)
        raise UnknownModel(model, near or list(models)[:3])

    def default(self) -> CheckpointInfo | None:
        """The model for requests that name none: the starter where present, else the first."""
        models = self._current()
        return models.get(PREFERRED) or next(iter(models.values()), None)

    def problems(self) -> tuple[tuple[str, str], ...]:
        """Folders that look like models but cannot be used: path and reason."""
        self._current()
        with self._lock:
            return self._problems

    def refresh(self) -> None:
        """Look again at the next question, whatever the folders' times say."""
        with self._lock:
            self._models = None

    def _current(self) -> dict[ModelId, CheckpointInfo]:
        with self._lock:
            if self._models is None or self._fingerprint != _stamps(self._fingerprint):
                self._scan()
            return dict(self._models or {})

    def _scan(self) -> None:
        found: dict[ModelId, CheckpointInfo] = {}
        problems: list[tuple[str, str]] = []
        seen: set[Path] = set()
        for folder in self._folders:
            for model_folder in _model_folders(folder, seen):
                model = ModelId(model_folder.relative_to(folder).as_posix())
                try:
                    info = describe_folder(model_folder, model)
                except (NotAModel, BrokenModel) as error:
                    _log.warning("The model %s is left out: %s", model_folder, error)
                    problems.append((str(model_folder), str(error)))
                else:
                    found.setdefault(model, info)
        for info in self._built_in:
            found.setdefault(info.id, info)
        self._models = dict(sorted(found.items()))
        self._problems = tuple(problems)
        self._fingerprint = _stamps(seen)


def _model_folders(root: Path, seen: set[Path]) -> Iterator[Path]:
    """Folders with a model index below `root`, with all paths whose change matters in `seen`."""
    pending = [(root, 0)]
    while pending:
        folder, depth = pending.pop()
        seen.add(folder)
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue  # not there (yet), or not ours to read
        if depth > 0 and (folder / INDEX_FILE).is_file():
            seen.update(p for p in folder.glob("*/*") if p.is_file())
            seen.update(entries)
            yield folder
        elif depth < MAX_DEPTH:
            inner = [p for p in entries if p.is_dir() and not p.name.startswith(".")]
            pending.extend((p, depth + 1) for p in reversed(inner))


def _stamps(paths: set[Path] | _Fingerprint) -> _Fingerprint:
    stamps = {}
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            stamps[path] = (0, 0)
        else:
            stamps[path] = (stat.st_mtime_ns, stat.st_size)
    return stamps
