"""New pictures go to the folder of the settings, with a text beside where that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.services.conftest import Services
from webui.contracts.errors import InvalidField
from webui.contracts.messages import PictureReady
from webui.contracts.preferences import Preferences
from webui.services.database import writing
from webui.services.picture_bin import PictureBin
from webui.services.preferences import PreferenceService
from webui.services.settings import SettingsStore
from webui.services.tables import PICTURES

_RGB = bytes(64 * 64 * 3)


def _drawn(services: Services, **preferred: object) -> Path:
    wanted = Preferences.model_validate(preferred)
    services.gallery._preferences = lambda: wanted
    job = services.submit("a boat", width=64, height=64, seed=7)
    picture = services.gallery.save(job, PictureReady(job.id, 0, 7, 64, 64, _RGB))
    return services.gallery.path(picture.id)


def test_new_pictures_go_there_and_older_ones_stay_in_the_gallery(
    services: Services, tmp_path: Path
) -> None:
    usual = services.folder / "outputs"
    old = _drawn(services)
    new = _drawn(services, outputs_folder=str(tmp_path / "mine"))
    assert old.is_relative_to(usual)
    assert new.is_relative_to(tmp_path / "mine")
    services.gallery._preferences = Preferences
    assert [services.gallery.path(p.id) for p in services.gallery.recent()] == [new, old]
    newest = services.gallery.recent(1)[0]
    services.gallery.delete(newest.id)
    assert (tmp_path / "mine" / ".bin" / newest.file).is_file()
    services.gallery.restore(newest.id)
    assert new.is_file()


def test_equal_names_in_two_folders_are_two_pictures(services: Services, tmp_path: Path) -> None:
    names = {"file_name_pattern": "[seed]"}
    first = _drawn(services, **names)
    second = _drawn(services, **names, outputs_folder=str(tmp_path / "mine"))
    first.unlink()  # by hand: its name stays in the record
    third = _drawn(services, **names)
    assert first.name == "7.png"
    assert len({first.name, second.name, third.name}) == 3


def test_a_text_lies_beside_a_picture_as_automatic1111_writes_it(services: Services) -> None:
    picture = _drawn(services, picture_text_file=True, picture_metadata=False)
    beside = picture.with_suffix(".txt").read_text()
    assert beside.startswith("a boat\nSteps: ")
    assert "Seed: 7" in beside
    assert beside.endswith("\n")
    with Image.open(picture) as image:
        assert image.info == {}


def test_a_text_does_not_overwrite_that_of_another_format(services: Services) -> None:
    names = {"file_name_pattern": "[seed]", "picture_text_file": True}
    first = _drawn(services, **names)
    second = _drawn(services, **names, picture_format="JPEG")
    assert first.with_suffix(".txt") != second.with_suffix(".txt")


def test_without_the_setting_there_is_no_text(services: Services) -> None:
    assert not _drawn(services).with_suffix(".txt").exists()


def test_a_picture_that_is_not_recorded_leaves_no_text(services: Services) -> None:
    with writing(services.database) as connection:
        PICTURES.drop(connection)
    with pytest.raises(Exception, match="no such table"):
        _drawn(services, picture_text_file=True)
    assert not [p for p in (services.folder / "outputs").rglob("*") if p.is_file()]


def test_a_folder_that_is_a_link_to_elsewhere_is_not_written_to(
    services: Services, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (services.folder / "outputs" / "days").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="leads out of the outputs folder"):
        _drawn(services, file_name_pattern="days/[id]")
    assert not list((tmp_path / "elsewhere").iterdir())


def _service(services: Services) -> PreferenceService:
    return PreferenceService(SettingsStore(services.database))


def test_a_folder_is_made_and_kept_without_links(services: Services, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    preferences = _service(services)
    preferences.change("outputs_folder", str(tmp_path / "link" / "new"))
    assert preferences.current().outputs_folder == str(tmp_path / "real" / "new")
    assert (tmp_path / "real" / "new").is_dir()
    assert _service(services).current() == preferences.current()
    assert preferences.change("outputs_folder", "").outputs_folder == ""


@pytest.mark.parametrize(
    "folder", ["pictures", "../pictures", "{tmp}/../x", "/", "{tmp}/a\nb", "~/pictures", "{tmp}/file/below", "x" * 501]
)  # fmt: skip
def test_what_is_no_folder_is_refused_and_changes_nothing(
    services: Services, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "file").write_text("")
    preferences = _service(services)
    with pytest.raises(InvalidField, match="outputs_folder"):
        preferences.change("outputs_folder", folder.replace("{tmp}", str(tmp_path)))
    assert preferences.current().outputs_folder == ""


def test_no_pictures_go_where_code_and_models_lie(services: Services, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "easel" / "extensions", target_is_directory=True)
    store = SettingsStore(services.database)
    preferences = PreferenceService(store, program=[tmp_path / "easel"])
    for folder in (
        tmp_path / "easel",
        tmp_path / "easel" / "extensions" / "mine",
        tmp_path / "link",
    ):
        with pytest.raises(InvalidField, match="outside of Easel's own"):
            preferences.change("outputs_folder", str(folder))
    assert not (tmp_path / "easel").exists()
    below = tmp_path / "easel" / "outputs" / "mine"
    assert preferences.change("outputs_folder", str(below)).outputs_folder == str(below)


def test_pictures_of_every_folder_leave_the_bin(services: Services, tmp_path: Path) -> None:
    _drawn(services)
    _drawn(services, outputs_folder=str(tmp_path / "mine"))
    for picture in services.gallery.recent():
        services.jobs.cancel(picture.job_id)
        services.gallery.delete(picture.id)
    assert PictureBin(services.database, services.folder / "outputs").empty().pictures == 2
