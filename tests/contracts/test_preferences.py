"""Every setting is declared in full, and a pattern of file names makes names."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from webui.contracts.preferences import ENGINE, SETTINGS, Preferences, fill_in


def test_each_setting_has_a_sentence_a_default_and_ends() -> None:
    assert [setting.name for setting in SETTINGS] == list(Preferences.model_fields)
    for setting in SETTINGS:
        assert setting.said.help.endswith("."), setting.name
        assert setting.said.title, setting.name
        if setting.kind in ("int", "float"):
            assert setting.low is not None, setting.name
            assert setting.high is not None, setting.name
        assert getattr(Preferences(), setting.name) == setting.usual
    assert set(ENGINE) < set(Preferences.model_fields)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("[date]/[time]-[source]-[seed]", "2026-11-21/0144-7"),
        ("[source]-[seed]", "7"),
        ("[source]/[seed]", "7"),
        ("a [seed].[source]", "a 7"),
        ("[source]", ""),
    ],
)
def test_an_empty_place_takes_its_dash_along(pattern: str, name: str) -> None:
    assert fill_in(pattern, {"date": "2026-11-21", "time": "0144", "seed": "7"}) == name


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("[moon]", r"none but \[date\]"),
        ("[seed", "no bracket without its partner"),
        ("a:b", "no "),
        ("../[seed]", "begins with a dot"),
        ("a//b", "none of which is empty"),
        ("/a", "none of which is empty"),
        (".hidden", "begins with a dot"),
        ("", "at least 1"),
    ],
)
def test_a_pattern_that_names_no_file_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Preferences(file_name_pattern=pattern)
