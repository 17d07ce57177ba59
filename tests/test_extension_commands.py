"""`python launch.py extensions`: what it says, and what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from tests.services.extension_install.making import HEARS
from webui.contracts.settings import Settings
from webui.extension_commands import run_extensions
from webui.services.extension_state import ExtensionState


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    own, boxed = tmp_path / "data", tmp_path / "repository"
    write_extension(boxed / "extensions", "book", studio="raise AssertionError", summary="Words.")
    write_extension(own / "extensions", "odd", studio="", easel=">=9")
    return Settings(data_dir=own, repository=boxed)


def _run(settings: Settings, *words: str) -> tuple[int, str]:
    said: list[str] = []
    return run_extensions(words, settings, said.append), "\n".join(said)


def test_enabling_and_disabling_is_kept_and_listed(settings: Settings) -> None:
    state = ExtensionState(settings.data_dir)
    assert _run(settings, "enable", "book")[0] == 0
    assert state.enabled() == ("book",)
    status, said = _run(settings)
    book, odd = said.splitlines()
    assert (status, book.split()) == (0, ["book", "1.0", "enabled", "Words."])
    assert "cannot be used" in odd
    assert _run(settings, "disable", "book")[0] == 0
    assert state.enabled() == ()


def test_the_list_says_why_one_cannot_be_enabled(settings: Settings) -> None:
    folder = settings.data_dir / "extensions"
    write_extension(folder, "old", studio="", needs=["torch==1.0"], conflicts=["book"])
    _run(settings, "enable", "book")
    book, odd, old, *reasons = _run(settings)[1].splitlines()
    assert (book.split()[0], odd.split()[0], old.split()[0]) == ("book", "odd", "old")
    assert [reason.strip() for reason in reasons] == [
        "The extension 'old' cannot be used beside 'book'. Disable one of them.",
        _run(settings, "enable", "old")[1].split("Disable one of them. ")[1].strip(),
    ]
    assert "torch==1.0" in reasons[1]
    ExtensionState(settings.data_dir).enable("old", wanted=True)  # by hand
    assert "'old' cannot be used" in _run(settings)[1]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("enable", "gone"), 1, "no extension 'gone'; installed are book, odd"),
        (("disable", "gone"), 1, "no extension 'gone'"),
        (("enable", "odd"), 1, "is for extension points >=9"),
        (("enable",), 2, "Nothing was given, expected: python launch.py extensions enable NAME"),
        (("list", "book"), 2, "'book' is too much"),
        (("destroy", "book"), 2, "What to do is 'destroy', expected one of: list, enable"),
    ],
)
def test_what_is_impossible_is_refused(
    settings: Settings, words: tuple[str, ...], status: int, said: str
) -> None:
    done, text = _run(settings, *words)
    assert done == status
    assert said in text
    assert ExtensionState(settings.data_dir).enabled() == ()


def test_a_new_one_is_listed_and_one_that_fails_its_check_gives_status_1(
    settings: Settings,
) -> None:
    status, said = _run(settings, "new", "mine")
    assert (status, "extensions check" in said) == (0, True)
    assert "mine" in _run(settings)[1]
    status, said = _run(settings, "check", str(settings.data_dir / "extensions" / "odd"))
    assert status == 1
    assert said.splitlines()[-1] == "1 check failed."
    status, said = _run(settings, "check", "book")
    assert status == 1
    assert "manifest: book 1.0" in said


def test_one_is_installed_updated_set_back_and_removed(settings: Settings, tmp_path: Path) -> None:
    pen = write_extension(tmp_path / "theirs", "pen", studio=HEARS, permissions=["network"])
    status, said = _run(settings, "install", str(pen))
    assert (status, "Nothing was changed" in said) == (1, True)
    assert "asks for     speaks with other computers" in said
    status, said = _run(settings, "install", str(pen), "--yes")
    assert status == 0
    assert "extensions enable pen" in said
    assert "what" in _run(settings, "update", "pen")[1]
    write_extension(tmp_path / "theirs", "pen", studio=HEARS, version="2.0", permissions=["files"])
    status, said = _run(settings, "update", "pen", "--yes")
    assert status == 0
    assert "2.0 in place of 1.0" in said
    assert (
        "reads or writes files outside its own folder (new); no longer: speaks with other" in said
    )
    assert "changes      extension.toml" in said
    assert _run(settings, "back", "pen", "--yes")[0] == 0
    assert " 1.0 " in _run(settings, "list")[1].splitlines()[2]
    _run(settings, "enable", "pen")
    assert _run(settings, "remove", "pen")[0] == 0
    assert ExtensionState(settings.data_dir).enabled() == ()
    assert "pen" not in _run(settings, "list")[1]
