"""Everything that is installed in one list, and a bin that gives back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.models import write_lora, write_model, write_sharing_model
from webui.contracts.download import Download, DownloadState
from webui.contracts.errors import BadRequest, NotFound
from webui.contracts.ids import DownloadId
from webui.contracts.notes import Notes
from webui.services.catalog import Catalog
from webui.services.database import open_database
from webui.services.file_records import FileRecords, Hashes, file_stamp
from webui.services.library import Library
from webui.services.notes import NoteStore

CHALK = "lora:loras/chalk"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    database = open_database(tmp_path / "easel.sqlite")
    models = tmp_path / "models"
    write_model(models / "deep" / "text")
    shared = {part: f"../text/{part}" for part in ("vae", "text_encoder", "tokenizer")}
    write_sharing_model(models / "deep" / "turbo", {"shared": shared})
    write_lora(models / "loras" / "chalk.safetensors")
    (models / "bad.safetensors").write_bytes(b"x" * 100)
    records, notes = FileRecords(database, "a"), NoteStore(database, tmp_path / "previews")
    yield Library(Catalog([models], records=records, notes=notes), notes, records)
    database.dispose()


def test_the_list_has_what_files_and_people_say(library: Library, tmp_path: Path) -> None:
    assert [item.key for item in library.items()] == ["model:deep/text", "model:deep/turbo", CHALK]
    assert [path for path, _ in library.problems()] == ["bad.safetensors"]
    library.put(CHALK, Notes(triggers=("chalk",), weight=0.7, base="SD 1.5"))
    file = str(tmp_path / "models" / "loras" / "chalk.safetensors")
    stamp = file_stamp(file)
    assert stamp is not None
    library._records.keep_hashes(file, stamp, Hashes("ab" * 32, "cd" * 32))
    library.forget()
    chalk = library.items()[-1]
    assert (chalk.triggers, chalk.weight, chalk.family) == (("chalk",), 0.7, "SD 1.5")
    assert (chalk.hash, chalk.has_preview) == ("cd" * 6, False)
    with pytest.raises(NotFound):
        library.put("lora:none", Notes())


def test_what_is_deleted_can_be_brought_back(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "models" / "loras" / "chalk.safetensors"
    content = file.read_bytes()
    binned = library.delete(CHALK)
    assert not file.exists()
    assert CHALK not in [item.key for item in library.items()]
    write_lora(file)
    with pytest.raises(BadRequest, match="again"):
        library.restore(binned)
    file.unlink()
    library.restore(binned)
    assert file.read_bytes() == content
    assert CHALK in [item.key for item in library.items()]


def test_a_model_whose_parts_others_use_stays(library: Library) -> None:
    with pytest.raises(BadRequest, match="'deep/text' has parts that deep/turbo"):
        library.delete("model:deep/text")
    library.delete("model:deep/turbo")
    library.delete("model:deep/text")
    assert [item.kind for item in library.items()] == ["lora"]


@pytest.mark.parametrize("name", ["../../x", "none", "", ".", "../loras/chalk.safetensors"])
def test_the_bin_gives_back_only_what_is_in_it(library: Library, name: str) -> None:
    library.delete(CHALK)
    with pytest.raises(NotFound):
        library.restore(name)


def test_what_a_source_said_is_noted_of_what_came(library: Library) -> None:
    download = Download(
        DownloadId("a"), "s", "t", "lora", "loras/chalk.safetensors", (), DownloadState.DONE,
        base="SD 1.5", triggers=("chalk",),
    )  # fmt: skip
    library.installed(download)
    assert library.notes.get(CHALK) == Notes(triggers=("chalk",), base="SD 1.5")
