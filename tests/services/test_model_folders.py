"""Folders are added while the studio runs, kept over restarts, watched; what is none is refused with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.services.models import write_lora, write_model
from webui.contracts.errors import BadRequest, NotAllowed, NotFound
from webui.contracts.settings import Settings
from webui.services.catalog import Catalog
from webui.services.database import open_database
from webui.services.model_folders import MOST, ModelFolders
from webui.services.settings import SettingsStore


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings(data_dir=tmp_path / "data", repository=tmp_path / "program")


def started(settings: Settings) -> tuple[ModelFolders, Catalog]:
    """As at a start of the studio."""
    store = SettingsStore(open_database(settings.database))
    catalog = Catalog(settings.model_folders)
    return ModelFolders(store, catalog, settings.folders_with), catalog


def ids(catalog: Catalog) -> list[str]:
    return [info.id for info in catalog.everything()]


def paths(folders: ModelFolders) -> Sequence[str]:
    return [folder.path for folder in folders.list() if folder.is_added]


def test_one_is_used_where_it_lies_until_it_is_removed(settings: Settings, tmp_path: Path) -> None:
    write_model(settings.data_dir / "models" / "own")
    other = tmp_path / "webui"
    write_model(other / "models" / "Stable-diffusion" / "m")
    write_lora(other / "models" / "Lora" / "chalk.safetensors")
    told: list[str] = []
    folders, catalog = started(settings)
    folders._on_change = lambda: told.append("changed")
    assert ids(catalog) == ["own"]
    folders.add(str(other))
    assert ids(catalog) == ["Stable-diffusion/m", "own", "Lora/chalk"]
    own, added, boxed = folders.list()
    assert (own.is_added, own.count, own.program) == (False, 1, "")
    assert (added.path, added.is_added, added.count) == (str(other), True, 2)
    assert (added.program, added.is_there, boxed.is_there) == (
        "AUTOMATIC1111 or Forge",
        True,
        False,
    )
    write_model(other / "models" / "Stable-diffusion" / "later")
    assert "Stable-diffusion/later" in ids(catalog)
    folders.remove(str(other))
    assert ids(catalog) == ["own"]
    assert (other / "models" / "Stable-diffusion" / "m" / "model_index.json").is_file()
    assert told == ["changed", "changed"]


def test_they_are_there_after_a_restart_and_so_is_a_disk_that_comes_later(
    settings: Settings, tmp_path: Path
) -> None:
    disk, away = tmp_path / "disk", tmp_path / "away"
    write_model(disk / "m")
    started(settings)[0].add(str(disk))
    disk.rename(away)
    folders, catalog = started(settings)
    assert (paths(folders), ids(catalog)) == ([str(disk)], [])
    assert [folder.is_there for folder in folders.list() if folder.is_added] == [False]
    away.rename(disk)
    assert ids(catalog) == ["m"]
    folders.remove(str(disk))
    assert paths(started(settings)[0]) == []


def test_what_is_no_folder_to_use_is_a_sentence(settings: Settings, tmp_path: Path) -> None:
    write_model(tmp_path / "data" / "models" / "own")
    (tmp_path / "file").touch()
    folders, _ = started(settings)
    for path, said in (
        ("models", "its whole path"),
        ("/a\0b", "its whole path"),
        ("/", "a whole disk"),
        (str(tmp_path / "none"), "There is no folder"),
        (str(tmp_path / "file"), "is a file"),
        (str(tmp_path / "data" / "models" / "own"), "looked through already"),
        (str(tmp_path), "which is looked through already"),
    ):
        with pytest.raises(BadRequest, match=said):
            folders.add(path)
    with pytest.raises(NotFound):
        folders.remove(str(tmp_path / "data" / "models"))  # its own, not added
    assert paths(folders) == []


def test_a_link_is_the_folder_that_it_leads_to(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    folders, _ = started(settings)
    folders.add(str(tmp_path / "link"))
    assert paths(folders) == [str(tmp_path / "real")]
    with pytest.raises(BadRequest, match="already"):
        folders.add(str(tmp_path / "real"))


def test_only_so_many_are_kept(settings: Settings, tmp_path: Path) -> None:
    folders, _ = started(settings)
    for number in range(MOST + 1):
        (tmp_path / f"f{number}").mkdir()
    for number in range(MOST):
        folders.add(str(tmp_path / f"f{number}"))
    with pytest.raises(BadRequest, match="as many as are kept"):
        folders.add(str(tmp_path / f"f{MOST}"))


def test_where_others_reach_the_studio_none_is_added_or_shown(tmp_path: Path) -> None:
    store = SettingsStore(open_database(tmp_path / "database"))
    folders = ModelFolders(store, Catalog([]), lambda added: added, "Not here.")
    for act in (folders.list, lambda: folders.add(str(tmp_path)), lambda: folders.remove("/")):
        with pytest.raises(NotAllowed, match="Not here"):
            act()
