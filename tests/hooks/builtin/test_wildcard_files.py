"""Wildcard files, as an extension of Easel's own brings them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.services.own_hooks import store_of
from webui.contracts.errors import BadRequest
from webui.prompt.drawing import every_prompt
from webui.services.wildcards import WildcardStore


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def store(tmp_path: Path) -> WildcardStore:
    write(
        tmp_path / "one",
        "colour",
        "# warm ones\nred\n\n  green  # like grass\r\n0.5::dark {blue|grey}\n",
    )
    write(tmp_path / "one", "animals/cats", "a lynx\n")
    write(tmp_path / "one", "animals/dogs", "a wolf\n__animals/cats__\n")
    write(tmp_path / "two", "colour", "hidden by the first folder")
    write(tmp_path / "two", "tree", "oak")
    return store_of(tmp_path / "one", tmp_path / "two", tmp_path / "none")


def said(store: WildcardStore, prompt: str) -> list[str]:
    return list(every_prompt(prompt, store.entries()))


def test_files_are_named_with_their_folders(store: WildcardStore) -> None:
    assert store.names() == ("animals/cats", "animals/dogs", "colour", "tree")


def test_entries_are_lines_without_comments(store: WildcardStore) -> None:
    assert said(store, "__colour__") == ["red", "green", "dark blue", "dark grey"]
    assert [option.weight for option in store.entries()("colour")] == [1, 1, 0.5]


def test_a_star_takes_all_that_fit_and_capitals_do_not_count(store: WildcardStore) -> None:
    assert said(store, "__animals/*__") == ["a lynx", "a wolf", "a lynx"]
    assert said(store, "__*/cats__") == ["a lynx"]
    assert said(store, "__Tree__") == ["oak"]


def test_an_unknown_name_is_a_sentence_with_its_neighbours(store: WildcardStore) -> None:
    with pytest.raises(BadRequest, match=r"no wildcard 'color'. Did you mean __colour__"):
        said(store, "__color__")
    with pytest.raises(BadRequest, match="put text files into the folder wildcards"):
        said(store_of(), "__color__")


def test_a_name_cannot_lead_out_of_the_folders(tmp_path: Path) -> None:
    write(tmp_path, "secret", "not for prompts")
    write(tmp_path / "wildcards", "a", "x")
    store = store_of(tmp_path / "wildcards")
    for name in ("../secret", "*/../../secret", "/etc/hostname"):
        with pytest.raises(BadRequest, match="There is no wildcard"):
            store.entries()(name)


def test_a_changed_file_is_read_anew_but_not_within_one_request(
    store: WildcardStore, tmp_path: Path
) -> None:
    entries = store.entries()
    assert len(entries("tree")) == 1
    file = write(tmp_path / "two", "tree", "oak\nbeech\n")
    os.utime(file, ns=(1, 1))
    assert len(entries("tree")) == 1
    assert len(store.entries()("tree")) == 2


def test_no_file_is_read_before_a_prompt_names_it(
    store: WildcardStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    read_text = Path.read_text

    def noted(file: Path, *given: Any, **named: Any) -> str:
        read.append(file.stem)
        return read_text(file, *given, **named)

    monkeypatch.setattr(Path, "read_text", noted)
    entries = store.entries()
    assert (store.names()[0], read) == ("animals/cats", [])
    entries("tree")
    store.entries()("tree")
    assert read == ["tree"]
