"""Looks through a folder of models: what may be one, and what each of them is."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from webui.collector import uncollected
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel, LacksFile, NotAModel
from webui.contracts.ids import AdapterId, ModelId
from webui.services.adapter_files import CONFIG_FILE, describe_controlnet
from webui.services.adapter_kinds import kind_at
from webui.services.diffusers_folder import INDEX_FILE, describe_folder
from webui.services.image_encoder_files import describe_image_encoder_folder
from webui.services.model_roots import ModelRoot
from webui.services.segmenter_files import describe_segmenter_folder
from webui.services.sidecars import NOTHING, Sidecar, read_sidecars, sidecar_files
from webui.services.single_file import describe_file
from webui.weights.read import ENDINGS

MAX_DEPTH = 6

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """What is at a path: a model, an adapter, a reason why it is neither, or nothing worth a word."""

    root: str
    """The folder that it was found below, which its id depends on."""
    watched: tuple[str, ...]
    """Paths whose change makes another entry of it."""
    stamp: int
    """Of the watched paths, when it was read."""
    model: CheckpointInfo | None = None
    adapter: AdapterInfo | None = None
    problem: str | None = None
    beside: Sidecar = NOTHING
    """What other programs left beside its file."""
    unknown: str = ""
    """The id that it would have, where it holds a model's weights and none of Easel's families knows it."""

    @property
    def is_current(self) -> bool:
        """Whether nothing that is watched has changed."""
        return self.stamp == stamp_of(self.watched)

    def holds(self, root: ModelRoot, watched: Sequence[Path]) -> bool:
        """Whether it tells of what is found now, below this root and with these paths to watch."""
        same = self.watched[: len(watched)] == tuple(map(str, watched))
        return same and self.root == str(root.path) and self.is_current


@dataclass
class Found:
    """What one look at the folders gave."""

    models: dict[ModelId, CheckpointInfo] = field(default_factory=dict)
    adapters: dict[AdapterId, AdapterInfo] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    folders: dict[Path, int] = field(default_factory=dict)
    """All that were looked into, each with a number of the names that were seen there (see `_number_of`)."""
    entries: dict[str, Entry] = field(default_factory=dict)
    """By path."""

    @property
    def is_current(self) -> bool:
        """Whether nothing came, went or changed since it was looked at, while others were being looked at included."""
        return all(
            _number_of(_names(folder)) == seen for folder, seen in self.folders.items()
        ) and all(entry.is_current for entry in self.entries.values())


def scan(roots: Iterable[ModelRoot], known: Mapping[str, Entry]) -> Found:
    """Look through folders in order; the first that holds an id wins.

    Args:
        roots: Where to look; those that are not there are passed over.
        known: Entries of before by path; those that are still current are not read again.
    """
    found = Found()
    with uncollected():  # the search takes a third of the time
        for root in roots:
            for path, watched in _candidates(root, found.folders):
                entry = known.get(str(path))
                if entry is None or not entry.holds(root, watched):
                    entry = _entry(root, path, watched)
                _add(found, path, entry)
    return found


def _add(found: Found, path: Path, entry: Entry) -> None:
    found.entries[str(path)] = entry
    if entry.problem is not None:
        found.problems.append((str(path), entry.problem))
    if entry.model is not None:
        found.models.setdefault(entry.model.id, entry.model)
    if entry.adapter is not None:
        found.adapters.setdefault(entry.adapter.id, entry.adapter)


def stamp_of(paths: Iterable[str]) -> int:
    """A number that another time or size of any of the paths changes; it fits 63 bits."""
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        try:
            stat = os.stat(path)  # noqa: PTH116 - a Path for each costs more than the look
        except OSError:
            digest.update(b"-")
        else:
            digest.update(b"%d %d;" % (stat.st_mtime_ns, stat.st_size))
    return int.from_bytes(digest.digest(), "big") >> 1


def _entry(root: ModelRoot, path: Path, watched: list[Path]) -> Entry:
    """What is at a path; its stamp is taken before it is read, so that a change meanwhile is seen."""
    names = [str(p) for p in watched]
    base = Entry(str(root.path), tuple(names), stamp_of(names))
    try:
        entry = _described(base, path, root.id_of(path))
    except (NotAModel, BrokenModel) as error:
        _log.warning("The model %s is left out: %s", path, error)
        names += error.places if isinstance(error, LacksFile) else ()  # once there, it is read anew
        unknown = (
            root.id_of(path) if type(error) is NotAModel and _may_be_a_model(root, path) else ""
        )
        return replace(_watching(base, names), problem=str(error), unknown=unknown)
    outside = [part for _, part in entry.model.parts] if entry.model is not None else []
    shared = [str(p) for part in outside for p in (Path(part), *_entries(Path(part)))]
    if not shared:
        return entry
    return _watching(entry, [*names, *shared])  # a shared part may lie beside


def _watching(entry: Entry, names: list[str]) -> Entry:
    """The same, with further paths watched; not current from the start where it changed while it was read."""
    watched = tuple(dict.fromkeys(names))
    return replace(entry, watched=watched, stamp=stamp_of(watched) if entry.is_current else 0)


def _may_be_a_model(root: ModelRoot, path: Path) -> bool:
    """Whether it lies where models do: a diffusers folder, or a file in no folder of adapters."""
    if path.is_file():
        return kind_at(PurePosixPath(root.id_of(path))) is None
    return (path / INDEX_FILE).is_file()


def _described(base: Entry, path: Path, relative: str) -> Entry:
    """Add what is at the path.

    Raises:
        NotAModel: it is of no kind that we know.
        BrokenModel: it is damaged.
    """
    if path.is_file():
        kind = kind_at(PurePosixPath(relative))
        if kind is None:
            model = describe_file(path, ModelId(relative))
            return base if model is None else replace(base, model=model, beside=read_sidecars(path))
        adapter = kind.describe(path, AdapterId(relative.removesuffix(path.suffix)))
        return (
            base if adapter is None else replace(base, adapter=adapter, beside=read_sidecars(path))
        )
    if (path / INDEX_FILE).is_file():
        return replace(base, model=describe_folder(path, ModelId(relative)))
    name = AdapterId(relative)
    for describe in (describe_controlnet, describe_image_encoder_folder, describe_segmenter_folder):
        if (found := describe(path, name)) is not None:
            return replace(base, adapter=found)
    return base


def _candidates(root: ModelRoot, folders: dict[Path, int]) -> Iterator[tuple[Path, list[Path]]]:
    """Folders of models and controlnets, and files of models, LoRAs and embeddings, below a root.

    Each with the paths whose change matters to it. Weights beside a `config.json` are a part of what the
    folder is.
    """
    pending = [(root.path, 0)]
    while pending:
        folder, depth = pending.pop()
        entries = _entries(folder, folders)
        if depth > 0 and (folder / INDEX_FILE).is_file():
            inner = [p for part in entries if part.is_dir() for p in _entries(part, folders)]
            yield folder, [folder, *entries, *inner]
            continue
        has_config = (folder / CONFIG_FILE).is_file()
        if depth > 0 and has_config:
            yield folder, [folder, *entries]
        if depth < MAX_DEPTH:
            kind = kind_at(PurePosixPath(root.id_of(folder / "_")))
            endings = ENDINGS if kind is None else kind.endings
            if has_config and (kind is None or kind.kind in ("controlnet", "vae", "image_encoder")):
                endings = ()
            for path in entries:
                if path.suffix.lower() in endings and path.is_file():
                    yield path, [path, *sidecar_files(path)]
            below = [p for p in entries if not p.name.startswith(".") and p.is_dir()]
            pending.extend((p, depth + 1) for p in reversed(below))


def _entries(folder: Path, folders: dict[Path, int] | None = None) -> list[Path]:
    """What is in a folder, by name; `folders` keeps what was seen there."""
    names = _names(folder)
    if folders is not None:
        folders[folder] = _number_of(names)
    return sorted(folder / name for name in names)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - a Path for each costs more than the look
    except OSError:
        return []  # not there (yet), or not ours to read


def _number_of(names: Iterable[str]) -> int:
    """Of the names in a folder, in any order. Its time would not do: two changes within some milliseconds have the same."""
    return hash(frozenset(names))
