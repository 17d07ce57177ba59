"""A new extension is written whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from webui.contracts.errors import BadExtension
from webui.hooks.manifest import read_manifest
from webui.services.extension_template import write_new


def test_what_is_written_can_be_read_and_is_named_everywhere(tmp_path: Path) -> None:
    folder = write_new(tmp_path, "warm_tone")
    manifest = read_manifest(folder)
    assert (manifest.title, manifest.arguments) == ("Warm tone", "arguments:WarmToneArguments")
    texts = [file.read_text("utf-8") for file in folder.rglob("*.*")]
    assert not any(mark in text for text in texts for mark in ("NAME", "TITLE", "TYPE", "VERSION"))


@pytest.mark.parametrize("name", ["../up", "Big", "", "a" * 41, "a/b", "--name"])
def test_a_name_that_is_none_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadExtension, match="a letter first"):
        write_new(tmp_path / "extensions", name)
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    with pytest.raises(BadExtension, match="already"):
        write_new(tmp_path, "book")
    assert list((tmp_path / "book").iterdir()) == []
