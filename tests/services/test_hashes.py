"""Hashes are those that other programs name files by."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from sqlalchemy import Engine

from tests.services.models import write_lora
from tests.weights.files import write_sparse
from tests.weights.ldm_layout import sd1_shapes
from tests.workers.listening import eventually
from webui.contracts.events import Event, LibraryChanged
from webui.services.catalog import Catalog
from webui.services.events import EventBus
from webui.services.file_records import FileRecords, Hashes
from webui.services.hashes import Librarian, hash_file, short_hash


def test_a_lora_is_named_by_its_tensors_and_a_checkpoint_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "loras" / "chalk.safetensors"
    write_lora(file)
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    hashes = hash_file(file, threading.Event(), share=1.0)
    assert hashes is not None
    assert hashes.sha256 == hashlib.sha256(content).hexdigest()
    assert hashes.tensors == hashlib.sha256(content[start:]).hexdigest()
    assert short_hash(hashes, is_lora=True) == hashes.tensors[:12]
    assert short_hash(hashes, is_lora=False) == hashes.sha256[:10]
    assert short_hash(Hashes("ab" * 32, None), is_lora=True) == "ab" * 5


def test_a_pickled_file_has_one_hash_and_an_end_none(tmp_path: Path) -> None:
    file = tmp_path / "a.ckpt"
    file.write_bytes(b"123" * 9)
    plain = hash_file(file, threading.Event())
    assert plain == Hashes(hashlib.sha256(b"123" * 9).hexdigest(), None)
    ended = threading.Event()
    ended.set()
    assert hash_file(file, ended) is None


def test_missing_hashes_are_computed_once_and_told(tmp_path: Path, database: Engine) -> None:
    write_lora(tmp_path / "models" / "loras" / "chalk.safetensors")
    big = write_sparse(tmp_path / "models" / "big.safetensors", sd1_shapes())
    records, events = FileRecords(database, "a"), EventBus()
    catalog = Catalog([tmp_path / "models"], records=records)
    librarian = Librarian(catalog, records, events)
    assert librarian.missing() == [
        str(tmp_path / "models" / "loras" / "chalk.safetensors"), str(big),
    ]  # fmt: skip
    big.unlink()
    told: list[Event] = []
    events.subscribe(told.append)
    librarian.start()
    eventually(lambda: librarian.missing() == [])
    librarian.stop()
    assert told
    assert all(isinstance(event, LibraryChanged) for event in told)
