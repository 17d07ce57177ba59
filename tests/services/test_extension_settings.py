"""Settings of extensions are typed, kept, and survive another version of the extension."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from webui.contracts.errors import InvalidField
from webui.contracts.extension import Manifest
from webui.hooks.arguments import Arguments, arguments_of
from webui.services.database import open_database
from webui.services.extension_settings import ExtensionSettings
from webui.services.settings import SettingsStore


class Before(BaseModel):
    most: int = Field(20, ge=1)
    words: str = "a"


class After(BaseModel):
    most: int = Field(20, ge=50)
    words: str = "a"


def _declared(model: type[BaseModel]) -> Arguments:
    return arguments_of(Manifest("book", "1", ">=1", Path()), model, "settings.book")


@pytest.fixture
def kept(tmp_path: Path) -> ExtensionSettings:
    return ExtensionSettings(SettingsStore(open_database(tmp_path / "easel.sqlite")))


def test_they_are_as_usual_until_they_are_written_and_an_error_changes_nothing(
    kept: ExtensionSettings,
) -> None:
    declared = _declared(Before)
    assert kept.read("book", declared) == Before()
    kept.write("book", declared, {"most": 3, "words": "b"})
    with pytest.raises(InvalidField, match=r"settings\.book\.most is 0, expected greater"):
        kept.write("book", declared, {"most": 0})
    assert kept.read("book", declared) == Before(most=3, words="b")
    assert kept.read("other", declared) == Before()


def test_what_does_not_fit_a_later_version_is_as_usual_and_the_rest_stays(
    kept: ExtensionSettings,
) -> None:
    kept.write("book", _declared(Before), {"most": 3, "words": "b"})
    assert kept.read("book", _declared(After)) == After(words="b")
