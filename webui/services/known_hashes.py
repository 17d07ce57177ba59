"""Hashes of models' files that are in the record already: a picture is never kept waiting for one.

They are computed elsewhere, in the background; a row counts while the file has the size and time it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from webui.contracts.adapter import AdapterInfo, AdapterKind
from webui.contracts.errors import UnknownAdapter, UnknownModel
from webui.contracts.ids import AdapterId, ModelId
from webui.contracts.infotext import FileHashes
from webui.contracts.request import GenerationRequest
from webui.services.catalog import Catalog
from webui.services.file_records import FileRecords

MODEL_DIGITS, ADAPTER_DIGITS = 10, 12
"""Of a short hash, as AUTOMATIC1111 and Civitai show them."""


@dataclass(frozen=True)
class KnownHash:
    """Of one file, hex."""

    sha256: str
    tensors: str
    """Of its tensors alone; '' where that is not known."""


class KnownHashes:
    """Looks hashes up; computes none."""

    def __init__(self, database: Engine, catalog: Catalog) -> None:
        self._records = FileRecords(database)
        self._catalog = catalog

    def of_picture(self, request: GenerationRequest, index: int) -> FileHashes:
        """Short hashes of the files that picture `index` of a request is drawn with."""
        text = request.text_of(index)
        loras = self._adapters("lora", (u.adapter for u in text.every_lora if u.kind == "lora"))
        embeddings = self._adapters("embedding", text.embeddings)
        path = self._path(request.model)
        known = self.of_files([path, *(info.path for info in (*loras, *embeddings))])
        model = known[path].sha256 if path in known else ""
        return FileHashes(
            model[:MODEL_DIGITS],
            _named({info.name: _of_lora(info, known) for info in loras}),
            _named({i.name: known[i.path].sha256 for i in embeddings if i.path in known}),
        )

    def of_files(self, paths: Iterable[str]) -> Mapping[str, KnownHash]:
        """The hashes that are known of files as they are now, by their paths."""
        found = self._records.hashes(paths)
        return {path: KnownHash(h.sha256, h.tensors or "") for path, h in found.items()}

    def model_of(self, short: str) -> ModelId | None:
        """The model whose file's hash begins so; None where none is known to."""
        if len(short) < MODEL_DIGITS:
            return None
        by_path = {info.path: info.id for info in self._catalog.models()}
        known = self.of_files(by_path)
        return next(
            (by_path[path] for path, hash_ in known.items() if hash_.sha256.startswith(short)), None
        )

    def _path(self, model: ModelId) -> str:
        try:
            return self._catalog.get(model).path
        except UnknownModel:
            return ""

    def _adapters(self, kind: AdapterKind, ids: Iterable[AdapterId]) -> list[AdapterInfo]:
        found = []
        for adapter in dict.fromkeys(ids):
            try:
                found.append(self._catalog.adapter(kind, adapter))
            except UnknownAdapter:
                continue  # it went away while the picture was drawn
        return found


def _of_lora(info: AdapterInfo, known: Mapping[str, KnownHash]) -> str:
    """What the file states of itself, else what was computed."""
    return info.hash or (known[info.path].tensors if info.path in known else "")


def _named(hashes: Mapping[str, str]) -> dict[str, str]:
    return {name: hash_[:ADAPTER_DIGITS] for name, hash_ in hashes.items() if hash_}
