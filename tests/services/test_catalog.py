"""Models are found, named, and left out with a reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.services.models import write_json, write_model
from webui.contracts.errors import UnknownModel
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.services.catalog import Catalog


def _ids(catalog: Catalog) -> list[str]:
    return [info.id for info in catalog.models()]


def test_a_models_id_is_its_path_below_the_folder(tmp_path: Path) -> None:
    write_model(tmp_path / "starter" / "text")
    write_model(tmp_path / "mine")
    assert _ids(Catalog([tmp_path])) == ["mine", "starter/text"]


def test_the_starter_is_the_default(tmp_path: Path) -> None:
    write_model(tmp_path / "a")
    first = Catalog([tmp_path]).default()
    write_model(tmp_path / "starter" / "text")
    starter = Catalog([tmp_path]).default()
    assert first is not None
    assert starter is not None
    assert (first.id, starter.id) == ("a", "starter/text")


def test_without_models_there_is_no_default(tmp_path: Path) -> None:
    catalog = Catalog([tmp_path / "nowhere"])
    assert (catalog.models(), catalog.default(), catalog.problems()) == ((), None, ())


def test_an_unknown_model_names_the_near_ones(tmp_path: Path) -> None:
    write_model(tmp_path / "starter" / "text")
    write_model(tmp_path / "zebra")
    with pytest.raises(UnknownModel, match="Did you mean 'starter/text'") as caught:
        Catalog([tmp_path]).get(ModelId("starter/txt"))
    assert caught.value.near == ("starter/text",)


def test_an_unknown_model_without_near_ones_names_some(tmp_path: Path) -> None:
    write_model(tmp_path / "zebra")
    with pytest.raises(UnknownModel, match="'zebra'"):
        Catalog([tmp_path]).get(ModelId("1234567890"))


def test_a_model_that_was_added_is_found_without_a_refresh(tmp_path: Path) -> None:
    catalog = Catalog([tmp_path / "models"])
    assert _ids(catalog) == []
    write_model(tmp_path / "models" / "deep" / "er")
    assert _ids(catalog) == ["deep/er"]
    shutil.rmtree(tmp_path / "models" / "deep" / "er")
    assert _ids(catalog) == []


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    catalog = Catalog([write_model(tmp_path / "m").parent])
    before = catalog.get(ModelId("m")).native_width
    write_json(
        tmp_path / "m" / "unet" / "config.json",
        {"sample_size": 64, "in_channels": 8, "x": "longer"},
    )
    assert (before, catalog.get(ModelId("m")).native_width) == (128, 256)


def test_a_broken_model_is_listed_with_its_reason_and_hides_no_other(tmp_path: Path) -> None:
    write_model(tmp_path / "good")
    write_model(tmp_path / "bad")
    (tmp_path / "bad" / "vae" / "config.json").write_text("{")
    catalog = Catalog([tmp_path])
    assert _ids(catalog) == ["good"]
    ((path, reason),) = catalog.problems()
    assert path == str(tmp_path / "bad")
    assert "config.json" in reason


def test_of_two_models_with_one_id_the_first_folder_wins(tmp_path: Path) -> None:
    write_model(tmp_path / "own" / "m", sample_size=16)
    write_model(tmp_path / "boxed" / "m")
    assert Catalog([tmp_path / "own", tmp_path / "boxed"]).get(ModelId("m")).native_width == 64


def test_a_built_in_model_needs_no_files(tmp_path: Path) -> None:
    catalog = Catalog([tmp_path], built_in=[FAKE_CHECKPOINT])
    assert catalog.get(FAKE_CHECKPOINT.id) == FAKE_CHECKPOINT
