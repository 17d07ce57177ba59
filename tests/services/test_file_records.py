"""What was read of files is kept, and believed for as long as it holds."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.services.models import write_lora, write_model, write_sharing_model
from tests.weights.files import copies_of_header, write_sparse
from tests.weights.ldm_layout import sd1_shapes
from webui.contracts.ids import ModelId
from webui.services import catalog_scan
from webui.services.catalog import Catalog
from webui.services.catalog_scan import stamp_of
from webui.services.file_records import FileRecords, Hashes, file_stamp


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read, rather than remembered."""
    read: list[str] = []
    described = catalog_scan._described

    def note(base: catalog_scan.Entry, path: Path, relative: str) -> catalog_scan.Entry:
        read.append(relative)
        return described(base, path, relative)

    monkeypatch.setattr(catalog_scan, "_described", note)
    return read


def _catalog(folder: Path, database: Engine, reader: str = "a") -> Catalog:
    return Catalog([folder / "models"], records=FileRecords(database, reader))


def _fill(models: Path) -> None:
    write_sparse(models / "one.safetensors", sd1_shapes())
    write_model(models / "two")
    write_lora(models / "loras" / "chalk.safetensors")
    (models / "bad.safetensors").write_bytes(b"x" * 100)


def test_a_second_start_reads_no_file_and_knows_the_same(
    tmp_path: Path, database: Engine, reads: list[str]
) -> None:
    _fill(tmp_path / "models")
    first = _catalog(tmp_path, database)
    models, adapters, problems = first.models(), first.adapters(), first.problems()
    assert len(reads) == 4
    reads.clear()
    second = _catalog(tmp_path, database)
    assert (second.models(), second.adapters(), second.problems()) == (models, adapters, problems)
    assert (len(models), len(adapters), len(problems)) == (2, 1, 1)
    assert reads == []


def test_only_what_changed_is_read_again(
    tmp_path: Path, database: Engine, reads: list[str]
) -> None:
    _fill(tmp_path / "models")
    catalog = _catalog(tmp_path, database)
    catalog.models()
    reads.clear()
    write_sparse(tmp_path / "models" / "three.safetensors", sd1_shapes())
    (tmp_path / "models" / "one.json").write_text('{"native_size": 768}')
    assert catalog.get(ModelId("one.safetensors")).native_width == 768
    assert sorted(reads) == ["one.safetensors", "three.safetensors"]
    change = catalog.change()
    assert catalog.change() == change


def test_a_shared_part_that_changed_while_nobody_looked_is_seen(
    tmp_path: Path, database: Engine, reads: list[str]
) -> None:
    write_model(tmp_path / "models" / "text")
    shared = {part: f"../text/{part}" for part in ("vae", "text_encoder", "tokenizer")}
    write_sharing_model(tmp_path / "models" / "m", {"shared": shared})
    _catalog(tmp_path, database).models()
    reads.clear()
    os.utime(tmp_path / "models" / "text" / "vae" / "config.json", (1, 1))
    _catalog(tmp_path, database).models()
    assert sorted(reads) == ["m", "text"]


def test_what_another_version_read_is_read_again(
    tmp_path: Path, database: Engine, reads: list[str]
) -> None:
    _fill(tmp_path / "models")
    _catalog(tmp_path, database, "a").models()
    reads.clear()
    _catalog(tmp_path, database, "b").models()
    assert len(reads) == 4


def test_an_id_follows_the_folder_that_is_looked_through(tmp_path: Path, database: Engine) -> None:
    _fill(tmp_path / "models" / "deep")
    _catalog(tmp_path, database).models()
    moved = Catalog([tmp_path / "models" / "deep"], records=FileRecords(database, "a"))
    assert [info.id for info in moved.models()] == ["one.safetensors", "two"]


def test_hashes_hold_for_as_long_as_the_file_does(tmp_path: Path, database: Engine) -> None:
    file = tmp_path / "models" / "loras" / "chalk.safetensors"
    write_lora(file)
    catalog, records = _catalog(tmp_path, database), FileRecords(database, "a")
    catalog.adapters()
    stamp = file_stamp(str(file))
    assert stamp is not None
    hashes = Hashes("ab" * 32, "cd" * 32)
    records.keep_hashes(str(file), stamp, hashes)
    records.keep(records.entries())  # as a start of another version does
    assert records.hashes([str(file), "/nowhere"]) == {str(file): hashes}
    os.utime(file, (1, 1))
    assert records.hashes([str(file)]) == {}
    catalog.refresh()
    catalog.adapters()
    os.utime(file, ns=(stamp[1], stamp[1]))
    assert records.hashes([str(file)]) == {}


@pytest.mark.slow
def test_files_are_read_for_the_first_time_at_a_pace_of_a_thousand_in_five_seconds(
    tmp_path: Path, database: Engine
) -> None:
    """The best of three folders of forty files of 2 GB; a thousand are a row of the benchmarks."""
    seconds = []
    for name in "abc":
        copies_of_header(write_sparse(tmp_path / name / "models/0.safetensors", sd1_shapes()), 39)
        catalog, begun = _catalog(tmp_path / name, database), time.process_time()
        assert len(catalog.models()) == 40
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 5 * 40 / 1000


@pytest.mark.slow
def test_a_thousand_files_are_known_within_three_tenths_of_a_second_at_the_next_start(
    tmp_path: Path, database: Engine, reads: list[str]
) -> None:
    """What the first start would have left is written down from one that was read."""
    models = tmp_path / "models"
    write_sparse(models / "0.safetensors", sd1_shapes())
    _catalog(tmp_path, database).models()
    records = FileRecords(database, "a")
    (entry,) = records.entries().values()
    assert entry.model is not None
    for number in range(1, 1000):
        with (models / f"{number}.safetensors").open("wb") as file:
            file.truncate(2**31)
    reads.clear()
    records.keep({
        str(path): replace(
            entry, watched=(names := tuple(n.replace("/0.", f"/{path.stem}.") for n in entry.watched)),
            stamp=stamp_of(names),
            model=replace(entry.model, id=ModelId(path.name), path=str(path)),
        )
        for path in models.iterdir()
    })  # fmt: skip
    seconds = []
    for _ in range(3):
        catalog, begun = _catalog(tmp_path, database), time.process_time()
        assert len(catalog.models()) == 1000
        seconds.append(time.process_time() - begun)
    assert reads == []
    assert min(seconds) < 0.3
