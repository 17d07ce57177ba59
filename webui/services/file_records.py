"""What was read of models' files, kept in the record so that no start reads them all again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine, case, select
from sqlalchemy.dialects.sqlite import insert

from webui import VERSION
from webui.services.catalog_scan import Entry
from webui.services.database import reading, writing
from webui.services.tables import FILES

_ENTRY = TypeAdapter(Entry)
MOST_NAMED = 500
"""Paths that a query names; of more, all rows are looked at."""
_COLUMNS = ("path", "bytes", "changed", "reader", "record")
_READERS = ("weights", "services", "contracts")
"""Packages whose code says what a file is."""


@dataclass(frozen=True)
class Hashes:
    """Of a file, hex."""

    sha256: str
    tensors: str | None
    """Of a safetensors file without its header, which other metadata do not change; None of others."""


class FileRecords:
    """Rows by path. A row holds for as long as the file has the size and time that it names."""

    def __init__(self, database: Engine, reader: str | None = None) -> None:
        """`reader` names the code that reads files; entries of another are read anew."""
        self._database = database
        self._reader = _code_version() if reader is None else reader

    def entries(self) -> Mapping[str, Entry]:
        """All entries that the present code read; whether they still hold, their stamps say."""
        query = select(FILES.c.path, FILES.c.record).where(FILES.c.reader == self._reader)
        with reading(self._database) as connection:
            rows = connection.execute(query).all()
        found = {}
        for path, record in rows:
            try:
                found[path] = _ENTRY.validate_json(record)
            except ValidationError:
                continue  # it is read anew
        return found

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Keep what was read; hashes of files that have changed are forgotten."""
        rows = []
        for path, entry in entries.items():
            if (stamp := file_stamp(path)) is not None:
                record = _ENTRY.dump_json(entry).decode()
                rows.append((path, *stamp, self._reader, record))
        if not rows:
            return
        fresh = insert(FILES)
        same = (FILES.c.bytes == fresh.excluded.bytes) & (FILES.c.changed == fresh.excluded.changed)
        changes = {name: fresh.excluded[name] for name in _COLUMNS[1:]}
        hashes = {
            c.name: case((same, c), else_=None) for c in (FILES.c.sha256, FILES.c.tensors_sha256)
        }
        with writing(self._database) as connection:
            connection.execute(
                fresh.on_conflict_do_update(index_elements=["path"], set_={**hashes, **changes}),
                [dict(zip(_COLUMNS, row, strict=True)) for row in rows],
            )

    def hashes(self, paths: Iterable[str]) -> Mapping[str, Hashes]:
        """The hashes that are known of files as they are now."""
        columns = (
            FILES.c.path,
            FILES.c.bytes,
            FILES.c.changed,
            FILES.c.sha256,
            FILES.c.tensors_sha256,
        )
        wanted = set(paths)
        query = select(*columns).where(FILES.c.sha256.is_not(None))
        if len(wanted) <= MOST_NAMED:
            query = query.where(FILES.c.path.in_(wanted))
        with reading(self._database) as connection:
            rows = connection.execute(query).all()
        return {
            path: Hashes(sha256, tensors)
            for path, size, changed, sha256, tensors in rows
            if path in wanted and file_stamp(path) == (size, changed)
        }

    def keep_hashes(self, path: str, stamp: tuple[int, int], hashes: Hashes) -> None:
        """Keep the hashes of a file that had this size and time before it was read."""
        values = {
            "bytes": stamp[0], "changed": stamp[1], "sha256": hashes.sha256,
            "tensors_sha256": hashes.tensors,
        }  # fmt: skip
        statement = insert(FILES).values(path=path, **values)
        with writing(self._database) as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["path"], set_=values)
            )


def file_stamp(path: str) -> tuple[int, int] | None:
    """Size and time of change of a file or folder; None where there is none."""
    try:
        stat = Path(path).stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _code_version() -> str:
    """Names the code that reads files: an entry that older code wrote is not believed."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.blake2b(VERSION.encode(), digest_size=12)
    for name in _READERS:
        for file in sorted((package / name).rglob("*.py")):
            digest.update(repr((file.name, file_stamp(str(file)))).encode())
    return digest.hexdigest()
