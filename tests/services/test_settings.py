"""Preferences are kept over restarts."""

from __future__ import annotations

import pytest

from tests.services.conftest import Services
from webui.contracts.errors import BadRequest
from webui.services.database import open_database
from webui.services.settings import SettingsStore


def test_a_value_is_there_after_a_restart(services: Services) -> None:
    SettingsStore(services.database).put("form", {"prompt": "шлюпка", "steps": 7})
    SettingsStore(services.database).put("form", {"prompt": "шлюпка", "steps": 8})
    again = open_database(services.folder / "easel.sqlite")
    assert SettingsStore(again).get("form") == {"prompt": "шлюпка", "steps": 8}
    again.dispose()


def test_an_unknown_key_gives_the_default(services: Services) -> None:
    assert SettingsStore(services.database).get("nothing", 3) == 3


def test_a_stored_null_is_not_the_default(services: Services) -> None:
    store = SettingsStore(services.database)
    store.put("key", None)
    assert store.get("key", 3) is None


@pytest.mark.parametrize(("key", "value"), [("", 1), ("k" * 201, 1), ("key", "v" * 1_000_001)])
def test_what_is_too_long_is_refused(services: Services, key: str, value: str) -> None:
    with pytest.raises(BadRequest):
        SettingsStore(services.database).put(key, value)
