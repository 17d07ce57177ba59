"""Everything that is installed, in one list: what its files say and what people noted; and its bin."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.download import Download
from webui.contracts.errors import BadRequest, NotFound
from webui.contracts.notes import Notes
from webui.services.catalog import Catalog, adapter_key, model_key
from webui.services.file_records import FileRecords, Hashes
from webui.services.hashes import short_hash
from webui.services.notes import NoteStore
from webui.services.sidecars import NOTHING, Sidecar

BIN = ".bin"
"""Below the folder that a model was found in; hidden, so that nobody looks there."""


@dataclass(frozen=True)
class Item:
    """A model or an adapter as the models tab lists it."""

    key: str
    """Kind and id: 'lora:starter/loras/chalk'."""
    kind: str
    """'model', or the kind of an adapter."""
    id: str
    title: str
    family: str
    """Of a model; of an adapter, what it is made for, as its file or a person says."""
    task: str
    """Of a model."""
    bytes: int
    dtype: str
    text_width: int
    """Width of the text tokens; an adapter fits models of the same. 0: not known."""
    description: str
    triggers: tuple[str, ...]
    weight: float | None
    """Preferred, of a LoRA."""
    has_preview: bool
    hash: str
    """As AUTOMATIC1111 shows it; empty until it is known."""


class Library:
    """Lists, notes and bins. All methods may be called from any thread."""

    def __init__(self, catalog: Catalog, notes: NoteStore, records: FileRecords) -> None:
        """Nothing is read yet."""
        self._catalog, self.notes, self._records = catalog, notes, records
        self._lock = threading.Lock()
        self._items: tuple[Item, ...] = ()
        self._state: tuple[int, int] = (-1, -1)

    def items(self) -> tuple[Item, ...]:
        """All, models first, each kind by id."""
        with self._lock:
            state = (self._catalog.change(), self.notes.change())
            if state != self._state:
                self._items = tuple(self._made())
                self._state = state
            return self._items

    def forget(self) -> None:
        """Put the list together anew at the next question: more is known of a file."""
        with self._lock:
            self._state = (-1, -1)

    def problems(self) -> tuple[tuple[str, str], ...]:
        """What cannot be used: path below its folder, and reason."""
        return tuple((self._shown(path), reason) for path, reason in self._catalog.problems())

    def info(self, key: str) -> CheckpointInfo | AdapterInfo:
        """What its files say.

        Raises:
            NotFound: there is nothing of this key.
        """
        for model in self._catalog.models():
            if model_key(model.id) == key:
                return model
        for adapter in self._catalog.adapters():
            if adapter_key(adapter) == key:
                return adapter
        raise NotFound("model or adapter", key)

    def beside(self, key: str) -> Sidecar:
        """What other programs left beside its file."""
        return self._catalog.sidecars().get(key, NOTHING)

    def put(self, key: str, notes: Notes) -> None:
        """Keep notes on what is installed.

        Raises:
            NotFound: there is nothing of this key.
        """
        self.info(key)
        self.notes.put(key, notes)

    def installed(self, download: Download) -> None:
        """Note what a source said of what was just fetched from it."""
        self._catalog.refresh()
        if not (download.triggers or download.base):
            return
        for info in self._catalog.everything():
            if any(Path(info.path) == root / download.target for root in self._roots):
                key = model_key(info.id) if isinstance(info, CheckpointInfo) else adapter_key(info)
                said = {"triggers": download.triggers[:100], "base": download.base[:100]}
                self.notes.put(key, self.notes.get(key).model_copy(update=said))

    def delete(self, key: str) -> str:
        """Move its files into the bin; the result brings them back.

        Raises:
            NotFound: there is nothing of this key.
            BadRequest: other models need parts of it, or it lies in no folder of models.
        """
        info = self.info(key)
        path = Path(info.path)
        if users := self._users(path, key):
            raise BadRequest(
                f"{info.id!r} has parts that {', '.join(users[:3])} cannot do without; it was not deleted."
            )
        root = self._root_of(path)
        relative = path.relative_to(root)
        target = root / BIN / relative
        if target.exists():
            _remove(target)  # an older one of the same name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        self._catalog.refresh()
        return relative.as_posix()

    def restore(self, binned: str) -> None:
        """Bring back what `delete` named so.

        Raises:
            NotFound: the bin has none of this name.
            BadRequest: something lies at its place again.
        """
        for root in self._roots:
            source = (root / BIN / binned).resolve()
            if not source.is_relative_to(root / BIN) or not source.exists() or source == root / BIN:
                continue
            target = root / binned
            if target.exists():
                raise BadRequest(f"There is a {binned!r} again; rename it first.")
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
            self._catalog.refresh()
            return
        raise NotFound("model in the bin", binned)

    @property
    def _roots(self) -> tuple[Path, ...]:
        return tuple(folder.resolve() for folder in self._catalog.folders)

    def _users(self, path: Path, key: str) -> list[str]:
        return [
            model.id for model in self._catalog.models()
            if model_key(model.id) != key and any(Path(part).is_relative_to(path) for _, part in model.parts)
        ]  # fmt: skip

    def _root_of(self, path: Path) -> Path:
        for root in self._roots:
            if path.is_relative_to(root) and path != root:
                return root
        raise BadRequest(f"{path.name!r} lies in no folder of models; it was not deleted.")

    def _shown(self, path: str) -> str:
        place = Path(path)
        root = next((r for r in self._roots if place.is_relative_to(r)), place.parent)
        return place.relative_to(root).as_posix()

    def _made(self) -> Iterator[Item]:
        models, adapters = self._catalog.models(), self._catalog.adapters()
        hashes = self._records.hashes(info.path for info in self._catalog.everything())
        noted, beside = self.notes.all(), self._catalog.sidecars()
        for model in models:
            key = model_key(model.id)
            own = noted.get(key, Notes()), beside.get(key, NOTHING)
            yield self._item(key, "model", model, own, hashes.get(model.path))
        for adapter in adapters:
            key = adapter_key(adapter)
            own = noted.get(key, Notes()), beside.get(key, NOTHING)
            yield self._item(key, adapter.kind, adapter, own, hashes.get(adapter.path))

    def _item(
        self,
        key: str,
        kind: str,
        info: CheckpointInfo | AdapterInfo,
        own: tuple[Notes, Sidecar],
        known: Hashes | None,
    ) -> Item:
        """What is noted wins over what other programs left beside a file, and this over what the file says."""
        notes, beside = own
        is_model = isinstance(info, CheckpointInfo)
        base = info.family if isinstance(info, CheckpointInfo) else info.base or beside.base
        is_named = info.title != Path(info.path).stem
        return Item(
            key=key, kind=kind, id=info.id,
            title=info.title if is_named else beside.title or info.title,
            family=notes.base or base,
            task=info.task if isinstance(info, CheckpointInfo) else "",
            bytes=info.bytes, dtype=info.dtype if isinstance(info, CheckpointInfo) else "",
            text_width=info.text_width, description=beside.description or info.description,
            triggers=notes.triggers or beside.triggers or info.trigger_words,
            weight=beside.weight if notes.weight is None else notes.weight,
            has_preview=self.notes.has_preview(key, info.path),
            hash="" if known is None else short_hash(known, is_lora=not is_model),
        )  # fmt: skip


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
