"""Settings are kept, checked, refused where others reach the studio, and told of."""

from __future__ import annotations

import pytest

from tests.services.conftest import Services
from webui.contracts.errors import InvalidField, NotAllowed, NotFound
from webui.services.database import open_database
from webui.services.preferences import KEY, PreferenceService
from webui.services.settings import SettingsStore


@pytest.fixture
def service(services: Services) -> PreferenceService:
    return PreferenceService(SettingsStore(services.database))


def test_a_change_is_there_after_a_restart_and_a_reset_takes_it_back(
    services: Services, service: PreferenceService
) -> None:
    service.change("picture_quality", 70)
    service.change("preview_method", "Projection")
    service.reset("preview_method")
    again = open_database(services.folder / "easel.sqlite")
    kept = PreferenceService(SettingsStore(again)).current()
    assert (kept.picture_quality, kept.preview_method) == (70, "Automatic")
    again.dispose()


def test_only_what_is_other_than_it_was_is_told(service: PreferenceService) -> None:
    told: list[list[str]] = []
    service.on_change.append(lambda names: told.append(list(names)))
    service.change("threads", 2)
    service.change("threads", 2)
    service.reset("threads")
    service.reset("threads")
    assert told == [["threads"], ["threads"]]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("picture_quality", 101, "picture_quality is 101, expected a number from 1 to 100."),
        ("picture_format", "TIFF", "picture_format is 'TIFF', expected 'PNG', 'WebP' or 'JPEG'."),
        ("file_name_pattern", "[moon]", "file_name_pattern is '[moon]', expected none but [date]"),
        ("memory_gib", "much", "memory_gib is 'much', expected a valid number"),
        ("default_model", "gone", "default_model is 'gone', expected '' or a model: a, b."),
    ],
)
def test_what_a_setting_cannot_be_is_said_and_nothing_changes(
    service: PreferenceService, name: str, value: str | int, said: str
) -> None:
    service.models = lambda: ["a", "b"]
    before = service.current()
    with pytest.raises(InvalidField) as caught:
        service.change(name, value)
    assert said in str(caught.value)
    assert service.current() == before


def test_an_unknown_setting_is_not_found(service: PreferenceService) -> None:
    with pytest.raises(NotFound, match="no setting 'moon'"):
        service.change("moon", 1)
    with pytest.raises(NotFound, match="no setting 'moon'"):
        service.reset("moon")


def test_where_others_reach_the_studio_nothing_is_changed(services: Services) -> None:
    service = PreferenceService(SettingsStore(services.database), "Others may reach it.")
    with pytest.raises(NotAllowed, match="Others may reach it"):
        service.change("threads", 1)
    with pytest.raises(NotAllowed, match="Others may reach it"):
        service.reset("threads")
    assert SettingsStore(services.database).get(KEY) is None


def test_what_another_version_kept_and_does_not_fit_is_as_usual(services: Services) -> None:
    kept = {"picture_quality": 900, "moon": 1, "threads": 3}
    SettingsStore(services.database).put(KEY, kept)  # type: ignore[arg-type]
    now = PreferenceService(SettingsStore(services.database)).current()
    assert (now.picture_quality, now.threads) == (92, 3)
