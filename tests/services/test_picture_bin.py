"""The bin is emptied for good, of what was deleted and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.conftest import Services
from webui.contracts.errors import NotAllowed, NotFound
from webui.contracts.job import JobState, Picture
from webui.contracts.messages import PictureReady
from webui.contracts.picture_search import parse_search
from webui.contracts.preferences import Preferences
from webui.services.picture_bin import BinContents, PictureBin
from webui.services.picture_places import PicturePlace

_RGB = bytes(64 * 64 * 3)


def _drawn(services: Services, count: int = 1, ends: bool = True) -> list[Picture]:
    job = services.submit("a boat", count=count, width=64, height=64)
    services.jobs.mark_running(job.id)
    pictures = [
        services.gallery.save(job, PictureReady(job.id, place, 1, 64, 64, _RGB))
        for place in range(count)
    ]
    if ends:
        services.jobs.finish(job.id, JobState.DONE)
    return pictures


def _bin(services: Services) -> PictureBin:
    return PictureBin(services.database, services.folder / "outputs")


def _files(services: Services) -> list[Path]:
    return [p for p in (services.folder / "outputs").rglob("*") if p.is_file()]


def test_what_was_deleted_is_removed_and_the_rest_stays(services: Services) -> None:
    gone, kept = _drawn(services, 2)
    services.gallery.thumbnail(gone.id)
    services.gallery.delete(gone.id)
    size = (services.folder / "outputs" / ".bin" / gone.file).stat().st_size
    assert _bin(services).contents() == BinContents(1, size)
    assert _bin(services).empty() == BinContents(1, size)
    assert _files(services) == [services.gallery.path(kept.id)]
    assert services.gallery.recent(search=parse_search("boat")) == (kept,)
    with pytest.raises(NotFound):
        services.gallery.restore(gone.id)
    assert _bin(services).contents() == _bin(services).empty() == BinContents(0, 0)
    assert not (services.folder / "outputs" / ".bin").exists()


def test_pictures_of_a_job_that_is_not_done_stay_in_the_bin(services: Services) -> None:
    (picture,) = _drawn(services, ends=False)
    services.gallery.delete(picture.id)
    assert _bin(services).empty() == BinContents(0, 0)
    assert services.gallery.delivered(picture.job_id) == (0,)
    services.gallery.restore(picture.id)
    assert services.gallery.path(picture.id).is_file()


def test_a_text_beside_goes_with_its_picture(services: Services) -> None:
    services.gallery._preferences = lambda: Preferences(picture_text_file=True)
    (picture,) = _drawn(services)
    beside = services.gallery.path(picture.id).with_suffix(".txt")
    assert beside.is_file()
    services.gallery.delete(picture.id)
    assert not beside.exists()
    services.gallery.restore(picture.id)
    assert beside.is_file()
    services.gallery.delete(picture.id)
    _bin(services).empty()
    assert _files(services) == []


def test_what_a_link_in_the_bin_leads_to_is_not_removed(services: Services, tmp_path: Path) -> None:
    (picture,) = _drawn(services)
    services.gallery.delete(picture.id)
    elsewhere = tmp_path / "elsewhere"
    day = services.folder / "outputs" / ".bin" / Path(picture.file).parent
    day.rename(elsewhere)
    day.symlink_to(elsewhere)
    assert _bin(services).empty() == BinContents(1, 0)
    assert (elsewhere / Path(picture.file).name).is_file()


def test_a_file_that_cannot_be_removed_stays_in_the_bin(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    (picture,) = _drawn(services)
    services.gallery.delete(picture.id)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(f"in use: {path}")  # as Windows says of a file that is open

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(PermissionError):
            _bin(services).empty()
    assert services.gallery.restore(picture.id).id == picture.id
    assert services.gallery.path(picture.id).is_file()


def test_where_others_reach_the_studio_nobody_empties_it(services: Services) -> None:
    (picture,) = _drawn(services)
    services.gallery.delete(picture.id)
    with pytest.raises(NotAllowed, match="at the computer"):
        PictureBin(services.database, services.folder / "outputs", "at the computer").empty()
    services.gallery.restore(picture.id)


def test_a_picture_that_comes_back_while_the_bin_is_counted_is_no_fault(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    (picture,) = _drawn(services)
    services.gallery.delete(picture.id)
    listed = PicturePlace.in_bin

    def late(place: PicturePlace) -> Iterator[Path]:
        files = list(listed(place))
        services.gallery.restore(picture.id)
        return iter(files)

    monkeypatch.setattr(PicturePlace, "in_bin", late)
    assert _bin(services).contents() == BinContents(1, 0)
    assert services.gallery.path(picture.id).is_file()
