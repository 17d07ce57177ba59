"""The checkpoints and adapters that are installed, known from their files' headers."""

from __future__ import annotations

import difflib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from webui.contracts.adapter import AdapterInfo, AdapterKind
from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.errors import UnknownAdapter, UnknownModel
from webui.contracts.ids import AdapterId, ModelId
from webui.contracts.notes import Notes
from webui.services.added_families import AddedFamilies
from webui.services.catalog_scan import Entry, Found, scan, stamp_of
from webui.services.file_records import FileRecords
from webui.services.model_roots import roots_of, telling
from webui.services.notes import NoteStore
from webui.services.sidecars import NOTHING, Sidecar

PREFERRED = ModelId("starter/text")

QUICK_SECONDS = 0.01
LOOK_PAUSE = 50
"""A look at the files' times that takes longer than that is not repeated for so many times as long."""


class Catalog:
    """All models and adapters below some folders; looked for again when the folders change."""

    def __init__(
        self,
        folders: Sequence[Path],
        built_in: Sequence[CheckpointInfo] = (),
        records: FileRecords | None = None,
        notes: NoteStore | None = None,
        added: AddedFamilies | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            folders: Searched in order; the first that holds an id wins.
            built_in: Models that need no files, such as the fake engine's.
            records: Where what was read is kept for the next start; None: it is read anew.
            notes: What people say of models; settings that they noted win over those of the files.
            added: Knows models that none of Easel's families does; None: nobody else does.
        """
        self.preferred: Callable[[], str] = str
        """Id of the model that requests without one are drawn with; '' leaves it to the catalog."""
        self._folders = tuple(folders)
        self._built_in = tuple(built_in)
        self._records = records
        self._notes = notes
        self._added = added or AddedFamilies()
        self._whole: Found | None = None
        self._whole_of: tuple[Found | None, Mapping[str, CheckpointInfo]] = (None, {})
        self._noted: tuple[int, int] = (-1, -1)
        self._models: Mapping[ModelId, CheckpointInfo] = {}
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._entries: Mapping[str, Entry] | None = None
        self._roots = 0
        self._next_look = 0.0
        self._change = 0

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those that are looked through, in order."""
        return self._folders

    def look_through(self, folders: Sequence[Path]) -> None:
        """Have other folders from the next question on."""
        with self._lock:
            self._folders = tuple(folders)
            self._found = None

    def models(self, task: Task | None = None) -> tuple[CheckpointInfo, ...]:
        """Every usable model, by id; with a task, those made for it."""
        found = self._with_notes().values()
        return tuple(info for info in found if task is None or info.task == task)

    def get(self, model: ModelId) -> CheckpointInfo:
        """The model of this id.

        Raises:
            UnknownModel: names the nearest ones.
        """
        models = self._with_notes()
        if model in models:
            return models[model]
        near = difflib.get_close_matches(model, list(models), n=3, cutoff=0.4)
        raise UnknownModel(model, near or list(models)[:3])

    def default(self) -> CheckpointInfo | None:
        """The model for requests that name none.

        What is preferred where that is present, else the starter, else the first that draws from text alone, else the first.
        """
        models = self._with_notes()
        if (wanted := models.get(ModelId(self.preferred()))) is not None:
            return wanted
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

    def everything(self) -> list[CheckpointInfo | AdapterInfo]:
        """Every usable model and adapter."""
        return [*self.models(), *self.adapters()]

    def sidecars(self) -> Mapping[str, Sidecar]:
        """What other programs left beside files, by kind and id as notes are; those of nothing are left out."""
        found = self._current()
        made: dict[str, Sidecar] = {}
        for entry in found.entries.values():
            if entry.beside == NOTHING:
                continue
            if entry.model is not None and found.models.get(entry.model.id) == entry.model:
                made[model_key(entry.model.id)] = entry.beside
            if entry.adapter is not None and found.adapters.get(entry.adapter.id) == entry.adapter:
                made[adapter_key(entry.adapter)] = entry.beside
        return made

    def problems(self) -> tuple[tuple[str, str], ...]:
        """What looks like a model or an adapter but cannot be used: path and reason."""
        return tuple(self._current().problems)

    def change(self) -> int:
        """A number that rises whenever something is found to be other than it was."""
        self._current()
        return self._change

    def refresh(self) -> None:
        """Look again at the next question, however short ago the last look was."""
        with self._lock:
            self._next_look = 0.0

    def _with_notes(self) -> Mapping[ModelId, CheckpointInfo]:
        """The models, with what people noted of them."""
        found = self._current()
        if self._notes is None:
            return found.models
        state = (self._change, self._notes.change())
        if state != self._noted:
            notes = self._notes.all()
            self._models = {
                id_: _noted(info, notes.get(model_key(id_))) for id_, info in found.models.items()
            }
            self._noted = state
        return self._models

    def _current(self) -> Found:
        with self._lock:
            if self._found is None or self._has_changed():
                self._found = self._scan()
                self._change += 1
            found = self._found
        return self._with_added(found)

    def _with_added(self, found: Found) -> Found:
        """With the models that families of extensions know, which may take their time: nobody waits for the lock."""
        added = self._added.models(found.entries)
        with self._lock:
            if (
                self._whole is None
                or self._whole_of[0] is not found
                or self._whole_of[1] is not added
            ):
                self._change += bool(added or self._whole_of[1])
                self._whole_of = found, added
                self._whole = _joined(found, added) if added else found
            return self._whole

    def _has_changed(self) -> bool:
        """Whether something is not as it was; a look that takes long is not taken at every question."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        assert self._found is not None
        changed = self._roots != self._roots_now() or not self._found.is_current
        took = time.monotonic() - now
        self._next_look = now + (took * LOOK_PAUSE if took > QUICK_SECONDS else 0.0)
        return changed

    def _roots_now(self) -> int:
        """Changes when the folders may have other roots."""
        return stamp_of(map(str, telling(self._folders)))

    def _scan(self) -> Found:
        known = self._entries
        if known is None:
            known = self._records.entries() if self._records is not None else {}
        self._roots = self._roots_now()  # before the look: what comes meanwhile is seen at the next
        found = scan(roots_of(self._folders), known)
        if self._records is not None:
            self._records.keep(
                {path: e for path, e in found.entries.items() if known.get(path) is not e}
            )
        self._entries, self._found = found.entries, found
        for info in self._built_in:
            found.models.setdefault(info.id, info)
        found.models = dict(sorted(found.models.items()))
        found.adapters = dict(sorted(found.adapters.items()))
        return found


def model_key(model: ModelId) -> str:
    """Under what notes on a model are kept."""
    return f"model:{model}"


def adapter_key(adapter: AdapterInfo) -> str:
    """Under what notes on an adapter are kept."""
    return f"{adapter.kind}:{adapter.id}"


def _noted(info: CheckpointInfo, notes: Notes | None) -> CheckpointInfo:
    if notes is None:
        return info
    said = notes.defaults.model_dump(exclude_none=True)
    return replace(info, defaults=tuple({**dict(info.defaults), **said}.items()))


def _joined(found: Found, added: Mapping[str, CheckpointInfo]) -> Found:
    """What was found, with further models by their paths; what has an id already keeps it."""
    models = {info.id: info for info in added.values()} | found.models
    problems = [(path, why) for path, why in found.problems if path not in added]
    return replace(found, models=dict(sorted(models.items())), problems=problems)


def _near(adapter: str, known: Sequence[AdapterId]) -> list[AdapterId]:
    """Ids like one that there is not; people know an adapter by its file's name."""
    by_name = {id_.rsplit("/", 1)[-1]: id_ for id_ in reversed(known)}
    names = difflib.get_close_matches(adapter.rsplit("/", 1)[-1], list(by_name), n=3, cutoff=0.5)
    whole = difflib.get_close_matches(adapter, known, n=3, cutoff=0.4)
    return list(dict.fromkeys([*(by_name[name] for name in names), *map(AdapterId, whole)]))
