"""`python launch.py extensions`: what it says, and what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
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


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("enable", "gone"), 1, "no extension 'gone'; installed are book, odd"),
        (("disable", "gone"), 1, "no extension 'gone'"),
        (("enable", "odd"), 1, "is for extension points >=9"),
        (("enable",), 2, "expected: python launch.py extensions list"),
        (("destroy", "book"), 2, "expected: python launch.py extensions list"),
    ],
)
def test_what_is_impossible_is_refused(
    settings: Settings, words: tuple[str, ...], status: int, said: str
) -> None:
    done, text = _run(settings, *words)
    assert done == status
    assert said in text
    assert ExtensionState(settings.data_dir).enabled() == ()
