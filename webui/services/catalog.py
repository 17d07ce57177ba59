"""The checkpoints and adapters that are installed, known from their files' headers."""

from __future__ import annotations

import difflib
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from webui.contracts.adapter import AdapterInfo, AdapterKind
from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.errors import BrokenModel, NotAModel, UnknownAdapter, UnknownModel
from webui.contracts.ids import AdapterId, ModelId
from webui.services.adapter_files import (
    CONFIG_FILE,
    EMBEDDING_FOLDERS,
    LORA_FOLDERS,
    PICKLED,
    PICTURE,
    describe_controlnet,
    describe_embedding,
)
from webui.services.diffusers_folder import INDEX_FILE, describe_folder
from webui.services.lora_files import describe_lora
from webui.services.single_file import describe_file
from webui.weights.read import ENDINGS

PREFERRED = ModelId("starter/text")
MAX_DEPTH = 6

_ENDINGS = {
    "": ENDINGS, "lora": ENDINGS, "embedding": (".safetensors", *PICKLED, PICTURE),
}  # fmt: skip
"""Of the files that are looked at, by the purpose of their folder."""

_log = logging.getLogger(__name__)

_Fingerprint = dict[Path, tuple[int, int]]


@dataclass
class _Found:
    """What one look at the folders gave."""

    models: dict[ModelId, CheckpointInfo] = field(default_factory=dict)
    adapters: dict[AdapterId, AdapterInfo] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)
    """All paths whose change matters."""


class Catalog:
    """All models and adapters below some folders; looked for again when the folders change."""

    def __init__(self, folders: Sequence[Path], built_in: Sequence[CheckpointInfo] = ()) -> None:
        """Nothing is read yet.

        Args:
            folders: Searched in order; the first that holds an id wins.
            built_in: Models that need no files, such as the fake engine's.
        """
        self._folders = tuple(folders)
        self._built_in = tuple(built_in)
        self._lock = threading.Lock()
        self._found: _Found | None = None
        self._fingerprint: _Fingerprint = {}

    def models(self, task: Task | None = None) -> tuple[CheckpointInfo, ...]:
        """Every usable model, by id; with a task, those made for it."""
        found = self._current().models.values()
        return tuple(info for info in found if task is None or info.task == task)

    def get(self, model: ModelId) -> CheckpointInfo:
        """The model of this id.

        Raises:
            UnknownModel: names the nearest ones.
        """
        models = self._current().models
        if model in models:
            return models[model]
        near = difflib.get_close_matches(model, list(models), n=3, cutoff=0.4)
        raise UnknownModel(model, near or list(models)[:3])

    def default(self) -> CheckpointInfo | None:
        """The model for requests that name none.

        The starter where present, else the first that draws from text alone, else the first.
        """
        models = self._current().models
        texts = (info for info in models.values() if info.task == "text")
        return models.get(PREFERRED) or next(texts, None) or next(iter(models.values()), None)

    def adapters(self, kind: AdapterKind | None = None) -> tuple[AdapterInfo, ...]:
        """Every usable adapter, by id; with a kind, those of it."""
        found = self._current().adapters.values()
        return tuple(info for info in found if kind is None or info.kind == kind)

    def adapter(self, kind: AdapterKind, adapter: AdapterId) -> AdapterInfo:
        """The adapter of this id; its last part alone will do where no other of the kind has it.

        Raises:
            UnknownAdapter: names the nearest ones.
        """
        known = {info.id: info for info in self.adapters(kind)}
        if adapter in known:
            return known[adapter]
        namesakes = [id_ for id_ in known if id_.rsplit("/", 1)[-1] == adapter]
        if len(namesakes) == 1:
            return known[namesakes[0]]
        near = namesakes or _near(adapter, list(known))
        raise UnknownAdapter(kind, adapter, near[:3] or list(known)[:3])

    def problems(self) -> tuple[tuple[str, str], ...]:
        """What looks like a model or an adapter but cannot be used: path and reason."""
        return tuple(self._current().problems)

    def refresh(self) -> None:
        """Look again at the next question, whatever the folders' times say."""
        with self._lock:
            self._found = None

    def _current(self) -> _Found:
        with self._lock:
            if self._found is None or self._fingerprint != _stamps(self._fingerprint):
                self._found = self._scan()
                self._fingerprint = _stamps(self._found.seen)
            return self._found

    def _scan(self) -> _Found:
        found = _Found()
        for root in self._folders:
            for path in _candidates(root, found.seen):
                try:
                    _describe(root, path, found)
                except (NotAModel, BrokenModel) as error:
                    _log.warning("The model %s is left out: %s", path, error)
                    found.problems.append((str(path), str(error)))
        for info in self._built_in:
            found.models.setdefault(info.id, info)
        found.models = dict(sorted(found.models.items()))
        found.adapters = dict(sorted(found.adapters.items()))
        return found


def _describe(root: Path, path: Path, found: _Found) -> None:
    """Add what is at the path.

    Raises:
        NotAModel: it is of no kind that we know.
        BrokenModel: it is damaged.
    """
    relative = path.relative_to(root)
    purpose = _purpose(relative) if path.is_file() else ""
    if purpose:
        adapter = AdapterId(relative.with_suffix("").as_posix())
        describe = describe_embedding if purpose == "embedding" else describe_lora
        if (found_here := describe(path, adapter)) is not None:
            found.adapters.setdefault(adapter, found_here)
    elif path.is_file():
        if (model := describe_file(path, ModelId(relative.as_posix()))) is not None:
            found.models.setdefault(model.id, model)
    elif (path / INDEX_FILE).is_file():
        info = describe_folder(path, ModelId(relative.as_posix()))
        found.models.setdefault(info.id, info)
        for _, part in info.parts:  # a shared one may lie beside
            found.seen.update(_entries(Path(part)))
    elif (net := describe_controlnet(path, AdapterId(relative.as_posix()))) is not None:
        found.adapters.setdefault(net.id, net)


def _candidates(root: Path, seen: set[Path]) -> Iterator[Path]:
    """Folders of models and controlnets, and files of models, LoRAs and embeddings, below `root`.

    Weights beside a `config.json` are a part of what the folder is.
    """
    pending = [(root, 0)]
    while pending:
        folder, depth = pending.pop()
        seen.add(folder)
        entries = _entries(folder)
        if depth > 0 and (folder / INDEX_FILE).is_file():
            seen.update(p for p in folder.glob("*/*") if p.is_file())
            seen.update(entries)
            yield folder
            continue
        if depth > 0 and (folder / CONFIG_FILE).is_file():
            seen.update(entries)
            yield folder
        if depth < MAX_DEPTH:
            purpose = _purpose(folder.relative_to(root) / "_")
            endings = () if (folder / CONFIG_FILE).is_file() and not purpose else _ENDINGS[purpose]
            files = [p for p in entries if p.suffix.lower() in endings and p.is_file()]
            seen.update(files)
            seen.update(p.with_suffix(".json") for p in files if not purpose)
            yield from files
            inner = [p for p in entries if p.is_dir() and not p.name.startswith(".")]
            pending.extend((p, depth + 1) for p in reversed(inner))


def _purpose(relative: Path) -> str:
    """What files are that lie at a path: what the innermost telling folder around them says."""
    for name in (part.lower() for part in reversed(relative.parts[:-1])):
        if name in LORA_FOLDERS:
            return "lora"
        if name in EMBEDDING_FOLDERS:
            return "embedding"
    return ""


def _near(adapter: str, known: Sequence[AdapterId]) -> list[AdapterId]:
    """Ids like one that there is not; people know an adapter by its file's name."""
    by_name = {id_.rsplit("/", 1)[-1]: id_ for id_ in reversed(known)}
    names = difflib.get_close_matches(adapter.rsplit("/", 1)[-1], list(by_name), n=3, cutoff=0.5)
    whole = difflib.get_close_matches(adapter, known, n=3, cutoff=0.4)
    return list(dict.fromkeys([*(by_name[name] for name in names), *map(AdapterId, whole)]))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []  # not there (yet), or not ours to read


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
