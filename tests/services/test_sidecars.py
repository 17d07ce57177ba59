"""What AUTOMATIC1111 left beside files is read, wins over the file, and loses against what is noted here."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.models import write_json, write_lora
from tests.weights.files import write_sparse
from tests.weights.ldm_layout import sd1_shapes
from webui.contracts.notes import MAX_NOTE_CHARACTERS, Notes
from webui.services.catalog import Catalog
from webui.services.database import open_database
from webui.services.file_records import FileRecords
from webui.services.library import Library
from webui.services.notes import NoteStore
from webui.services.sidecars import MOST_BYTES, NOTHING, Sidecar, read_sidecars

CHALK = "lora:Lora/chalk v1.5"
CARD = {
    "description": "White lines.", "sd version": "SD1", "activation text": "chalk, on slate ",
    "preferred weight": 0.7, "negative text": "paper", "notes": "Soft at 0.4.",
}  # fmt: skip
SITE = {
    "id": 1, "trainedWords": ["chalk drawing, white", "slate"], "baseModel": "SD 1.5",
    "model": {"name": "Chalk on slate", "type": "LORA"},
}  # fmt: skip


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    return write_lora(tmp_path / "models" / "Lora" / "chalk v1.5.safetensors")


def beside(lora: Path, ending: str, content: Any) -> Path:
    file = lora.with_name(lora.stem + ending)
    write_json(file, content)
    return file


def test_a_card_is_what_a_person_wrote(lora: Path) -> None:
    beside(lora, ".json", CARD)
    assert read_sidecars(lora) == Sidecar(
        "", "White lines.", "SD 1", ("chalk", "on slate"), 0.7, "Soft at 0.4.\nNegative: paper"
    )


def test_what_the_site_said_fills_what_the_card_leaves_open(lora: Path) -> None:
    beside(lora, ".civitai.info", SITE)
    words = ("chalk drawing, white", "slate")
    assert read_sidecars(lora) == Sidecar("Chalk on slate", "", "SD 1.5", words)
    beside(lora, ".json", {**CARD, "sd version": "Unknown"})
    both = read_sidecars(lora)
    assert (both.title, both.base, both.triggers) == ("Chalk on slate", "SD 1.5", ("chalk", "on slate"))  # fmt: skip


def test_words_with_brackets_stay_together(lora: Path) -> None:
    beside(lora, ".json", {"activation text": "(chalk, slate:1.2), board"})
    assert read_sidecars(lora).triggers == ("(chalk, slate:1.2), board",)


@pytest.mark.parametrize("weight", [0, 0.0, True, "0.7", None, 99, -11, [], float("nan")])
def test_a_weight_that_is_none_is_left_out(lora: Path, weight: Any) -> None:
    beside(lora, ".json", {"preferred weight": weight})
    assert read_sidecars(lora) == NOTHING


@pytest.mark.parametrize(
    "content",
    [
        {"description": 1, "sd version": [], "activation text": {}, "notes": None},
        {"trainedWords": "chalk", "baseModel": 3, "model": "Chalk"},
        {"trainedWords": [1, None, {"a": "b"}], "model": {"name": ["x"]}},
    ],
)
def test_values_of_other_kinds_are_left_out(lora: Path, content: Any) -> None:
    beside(lora, ".json", content)
    beside(lora, ".civitai.info", content)
    assert read_sidecars(lora) == NOTHING


def test_what_is_too_long_is_cut_to_what_notes_can_hold(lora: Path) -> None:
    beside(lora, ".json", {"notes": "n" * 90_000, "activation text": "w," * 9_000, "description": "d" * 9_000})  # fmt: skip
    said = read_sidecars(lora)
    assert len(said.text) == MAX_NOTE_CHARACTERS
    assert (len(said.triggers), len(said.description)) == (100, 500)
    Notes(text=said.text, triggers=said.triggers)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe\x00", b"[" * 200_000, b'{"a":' * 100_000, b" " * (MOST_BYTES + 1)],
    ids=["empty", "cut", "list", "no text", "deep", "deep objects", "giant"],
)  # fmt: skip
@pytest.mark.parametrize("ending", [".json", ".civitai.info"])
def test_what_cannot_be_read_is_passed_over_and_told(
    lora: Path, caplog: pytest.LogCaptureFixture, content: bytes, ending: str
) -> None:
    lora.with_name(lora.stem + ending).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert read_sidecars(lora) == NOTHING
    assert f"{ending} is passed over" in caplog.text


def test_a_card_that_cannot_be_read_keeps_no_model_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_sparse(tmp_path / "m" / "v1.safetensors", sd1_shapes())
    file.with_suffix(".json").write_text("{")
    catalog = Catalog([tmp_path / "m"])
    assert [info.id for info in catalog.models()] == ["v1.safetensors"]
    assert catalog.problems() == ()
    assert "v1.json is passed over" in caplog.text


@pytest.fixture
def library(tmp_path: Path, lora: Path) -> Iterator[Library]:
    beside(lora, ".json", CARD)
    database = open_database(tmp_path / "easel.sqlite")
    models = tmp_path / "models"
    records, notes = FileRecords(database, "a"), NoteStore(database, tmp_path / "previews")
    yield Library(Catalog([models], records=records, notes=notes), notes, records)
    database.dispose()


def test_the_list_shows_it_and_what_is_noted_wins(library: Library, lora: Path) -> None:
    (item,) = library.items()
    assert (item.triggers, item.weight, item.family) == (("chalk", "on slate"), 0.7, "SD 1")
    assert (item.title, item.description) == ("chalk v1.5", "White lines.")
    assert library.beside(CHALK).text.startswith("Soft at 0.4.")
    library.put(CHALK, Notes(triggers=("mine",), weight=1.1, base="SDXL"))
    (item,) = library.items()
    assert (item.triggers, item.weight, item.family) == (("mine",), 1.1, "SDXL")
    assert json.loads(lora.with_suffix(".json").read_text()) == CARD  # never written


def test_it_outlives_a_restart_and_follows_its_files(
    library: Library, lora: Path, tmp_path: Path
) -> None:
    library.items()
    database = open_database(tmp_path / "easel.sqlite")
    catalog = Catalog([tmp_path / "models"], records=FileRecords(database, "a"))
    assert catalog.sidecars()[CHALK].weight == 0.7
    beside(lora, ".civitai.info", SITE)
    catalog.refresh()
    assert catalog.sidecars()[CHALK].title == "Chalk on slate"
    lora.with_suffix(".json").unlink()
    lora.with_name(lora.stem + ".civitai.info").unlink()
    catalog.refresh()
    assert catalog.sidecars() == {}
    database.dispose()


def test_a_models_name_on_the_site_is_its_title(tmp_path: Path) -> None:
    file = write_sparse(tmp_path / "m" / "dream_8.safetensors", sd1_shapes())
    beside(file, ".civitai.info", {"model": {"name": "Dream"}, "trainedWords": ["dreamy"]})
    database = open_database(tmp_path / "easel.sqlite")
    records, notes = FileRecords(database, "a"), NoteStore(database, tmp_path / "previews")
    made = Library(Catalog([tmp_path / "m"], notes=notes), notes, records)
    (item,) = made.items()
    assert (item.title, item.id, item.triggers) == ("Dream", "dream_8.safetensors", ("dreamy",))
    database.dispose()
