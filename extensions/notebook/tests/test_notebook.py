"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path

import pytest

from webui.contracts.errors import NotFound
from webui.hooks.loading import load_module
from webui.hooks.manifest import read_manifest

MANIFEST = read_manifest(Path(__file__).resolve().parents[1])
notes = load_module(MANIFEST, "notes")


def test_notes_are_found_by_all_of_their_words_newest_first(tmp_path: Path) -> None:
    store = notes.NoteStore(tmp_path)
    for prompt in ("a red boat", "a red house", "a RED Boat at night"):
        store.add(notes.Draft(prompt=prompt))
    assert [note.prompt for note in store.find("boat red", 9)] == ["a RED Boat at night", "a red boat"]
    assert len(store.find("", 2)) == 2


def test_notes_are_there_when_it_is_opened_again(tmp_path: Path) -> None:
    kept = notes.NoteStore(tmp_path).add(notes.Draft(text="später", prompt="a boat"))
    again = notes.NoteStore(tmp_path)
    assert again.find("SPÄTER", 9) == [kept]
    assert again.change(kept.id, notes.Draft(text="now")).prompt == "a boat"
    again.remove(kept.id)
    assert again.find("", 9) == []
    with pytest.raises(NotFound, match="no note"):
        again.remove(kept.id)
