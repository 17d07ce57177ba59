"""Models that families of extensions know stand in the catalog for as long as these are there."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.services.models import write_json, write_model, write_weights
from webui.contracts.errors import UnknownModel
from webui.contracts.ids import ModelId
from webui.services.added_families import AddedFamilies, Families
from webui.services.catalog import Catalog
from webui.services.database import open_database
from webui.services.file_records import FileRecords
from webui.weights.signatures.facts import Facts, No, WeightsFile


class _RunsCode:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


PIXELS = Facts("unconditional", "epsilon", 3, 1, 128, reads_text=False, family="book/pixels")
SEEN: list[str] = []


def pixels(file: WeightsFile) -> Facts | No:
    """Files whose first layer takes three channels, and folders of a pipeline."""
    SEEN.append(file.path.name)
    name = "unet.first.weight" if file.index else "first.weight"
    return PIXELS if (file.header.shape(name) or (0, 0))[1] == 3 else No("It has no such layer.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file and a folder of the family, a file of none, and a model of Easel's own."""
    SEEN.clear()
    write_weights(tmp_path / "drawn.safetensors", {"first.weight": [8, 3], "last.weight": [3, 8]})
    write_weights(tmp_path / "other.safetensors", {"first.weight": [8, 4]})
    write_json(tmp_path / "church" / "model_index.json", {"_class_name": "PixelPipeline"})
    write_json(tmp_path / "church" / "easel.json", {"defaults": {"steps": 9}})
    (tmp_path / "church" / "README.md").write_text("# The church\n\nDraws churches. Well.")
    write_weights(tmp_path / "church" / "unet" / "net.safetensors", {"first.weight": [8, 3]})
    write_model(tmp_path / "text")
    return tmp_path


def known(catalog: Catalog) -> list[str]:
    return [str(info.id) for info in catalog.models()]


def test_files_and_folders_of_a_family_come_and_go_with_it(folder: Path) -> None:
    families: list[tuple[str, Any]] = []
    catalog = Catalog([folder], added=AddedFamilies(lambda: tuple(families)))
    assert known(catalog) == ["text"]
    assert len(catalog.problems()) == 3
    before = catalog.change()
    families.append(("book/pixels", pixels))
    assert known(catalog) == ["church", "drawn.safetensors", "text"]
    assert [Path(path).name for path, _ in catalog.problems()] == ["other.safetensors"]
    assert catalog.change() > before
    file, church = (catalog.get(ModelId(name)) for name in ("drawn.safetensors", "church"))
    assert (file.family, file.parameters, file.native_width, file.format) == (
        "book/pixels", 48, 128, "safetensors",
    )  # fmt: skip
    assert (church.title, church.description) == ("The church", "Draws churches.")
    assert (church.family, church.parameters, church.format) == ("book/pixels", 24, "diffusers")
    assert dict(church.defaults) == {"steps": 9}
    during = catalog.change()
    families.clear()
    assert known(catalog) == ["text"]
    assert len(catalog.problems()) == 3
    assert catalog.change() > during
    with pytest.raises(UnknownModel):
        catalog.get(ModelId("church"))


def test_it_is_asked_of_what_nobody_knows_once_and_again_when_that_changed(folder: Path) -> None:
    catalog = Catalog([folder], added=AddedFamilies(lambda: (("book/pixels", pixels),)))
    for _ in range(3):
        catalog.models()
    assert sorted(SEEN) == ["church", "drawn.safetensors", "other.safetensors"]
    SEEN.clear()
    write_weights(folder / "other.safetensors", {"first.weight": [16, 3]})
    catalog.refresh()
    assert "other.safetensors" in known(catalog)
    assert SEEN == ["other.safetensors"]


def test_a_file_that_would_run_code_and_one_of_a_loras_folder_are_not_shown_to_it(
    folder: Path,
) -> None:
    torch.save({"weights": _RunsCode()}, folder / "harm.ckpt")
    (folder / "loras").mkdir()
    write_weights(folder / "loras" / "odd.safetensors", {"first.weight": [8, 3]})
    catalog = Catalog([folder], added=AddedFamilies(lambda: (("book/pixels", pixels),)))
    catalog.models()
    assert not {"harm.ckpt", "odd.safetensors"} & set(SEEN)


def test_no_family_takes_a_model_that_easel_knows(folder: Path) -> None:
    catalog = Catalog([folder], added=AddedFamilies(lambda: (("book/all", lambda _: PIXELS),)))
    assert catalog.get(ModelId("text")).family == "sd1"
    assert "other.safetensors" in known(catalog)


def test_the_first_family_that_takes_it_has_it(folder: Path) -> None:
    families: Families = (
        ("a/none", lambda _: No("Not mine.")), ("b/all", lambda _: PIXELS),
        ("c/all", lambda _: pytest.fail("it was taken already")),
    )  # fmt: skip
    catalog = Catalog([folder], added=AddedFamilies(lambda: families))
    assert len(known(catalog)) == 4


def test_what_it_said_is_not_kept_for_the_next_start(folder: Path) -> None:
    records = FileRecords(open_database(folder / "easel.sqlite"))
    added = AddedFamilies(lambda: (("book/pixels", pixels),))
    assert "church" in known(Catalog([folder], records=records, added=added))
    again = Catalog([folder], records=records)
    assert known(again) == ["text"]
    assert len(again.problems()) == 3


def test_nobody_waits_while_one_asks(folder: Path) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(file: WeightsFile) -> Facts | No:
        asked.set()
        go_on.wait(20)
        return pixels(file)

    families: list[tuple[str, Any]] = []
    catalog = Catalog([folder], added=AddedFamilies(lambda: tuple(families)))
    assert known(catalog) == ["text"]
    families.append(("book/slow", slow))
    first = threading.Thread(target=catalog.models)
    first.start()
    assert asked.wait(10)
    assert known(catalog) == ["text"]
    go_on.set()
    first.join(20)
    assert known(catalog) == ["church", "drawn.safetensors", "text"]
