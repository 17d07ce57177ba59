"""Styles in CSV files."""

from __future__ import annotations

from pathlib import Path

import pytest

from webui.contracts.errors import BadRequest, InvalidField, NotFound
from webui.prompt.styles import Style
from webui.services.styles import StyleStore


@pytest.fixture
def store(tmp_path: Path) -> StyleStore:
    return StyleStore(tmp_path)


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_a_saved_style_is_found_by_another_store(store: StyleStore, tmp_path: Path) -> None:
    style = Style("oil, thick", 'an "oil" painting of {prompt},\nthick', "photo")
    store.save(style)
    store.save(Style("plain", "", "noise"))
    assert StyleStore(tmp_path).list() == (style, Style("plain", "", "noise"))


def test_a_style_of_the_same_name_is_replaced_where_it_stands(store: StyleStore) -> None:
    for name in "abc":
        store.save(Style(name, "first"))
    store.save(Style("b", "second"))
    assert [(style.name, style.prompt) for style in store.list()] == [
        ("a", "first"), ("b", "second"), ("c", "first"),
    ]  # fmt: skip


def test_files_of_automatic1111_are_read(store: StyleStore, tmp_path: Path) -> None:
    write(tmp_path / "styles.csv", "\ufeffname,prompt,negative_prompt\nOil,oil,photo\n,no name,\n")
    write(tmp_path / "styles-old.csv", "name,text\nOld,an old one\nOil,shadowed\n")
    write(tmp_path / "styles" / "mine.csv", "name,prompt,negative_prompt\nMine,mine\n")
    assert store.list() == (
        Style("Oil", "oil", "photo"),
        Style("Old", "an old one"),
        Style("Mine", "mine"),
    )


def test_a_style_is_deleted_from_every_file_and_others_stay(
    store: StyleStore, tmp_path: Path
) -> None:
    write(tmp_path / "styles-more.csv", "name,prompt,negative_prompt\na,1,\nb,2,\n")
    store.save(Style("c", "3"))
    write(tmp_path / "styles" / "x.csv", "name,prompt,negative_prompt\na,4,\n")
    store.delete("a")
    assert [style.name for style in store.list()] == ["c", "b"]
    with pytest.raises(NotFound, match="no style 'a'"):
        store.delete("a")


def test_styles_come_in_the_order_that_was_asked_for(store: StyleStore) -> None:
    for name in ("one", "two"):
        store.save(Style(name, name))
    assert [style.name for style in store.named(["two", "one", "two"])] == ["two", "one", "two"]


def test_an_unknown_style_is_named_with_its_neighbours(store: StyleStore) -> None:
    with pytest.raises(InvalidField, match="styles is 'x', expected nothing, as no style is saved"):
        store.named(["x"])
    store.save(Style("Oil painting", "oil"))
    with pytest.raises(InvalidField, match="styles is 'oil paint', expected 'Oil painting'"):
        store.named(["oil paint"])


@pytest.mark.parametrize(
    ("style", "says"),
    [
        (Style("", "x"), "name '' cannot be kept"),
        (Style("a" * 201, "x"), "1 to 200 characters"),
        (Style(" a", "x"), "without space around it"),
        (Style("a", " "), "says nothing"),
        (Style("a", "x" * 20_001), "has 20001 characters"),
    ],
)
def test_what_is_no_style_is_not_kept(store: StyleStore, style: Style, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        store.save(style)
    assert store.list() == ()


def test_a_file_that_cannot_be_read_hides_no_other(store: StyleStore, tmp_path: Path) -> None:
    write(tmp_path / "styles-bad.csv", 'name,prompt\n"' + "x" * 200_000)
    store.save(Style("a", "1"))
    assert [style.name for style in store.list()] == ["a"]
