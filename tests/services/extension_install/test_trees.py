"""Copies and archives that stay inside their folder."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from webui.contracts.errors import BadExtension
from webui.contracts.extension_change import FileChanges
from webui.services.extension_install import trees
from webui.services.extension_install.trees import (
    compare,
    copy_tree,
    digest,
    the_extension_in,
    unpack,
)


def _zip(file: Path, **members: str) -> Path:
    with zipfile.ZipFile(file, "w") as zipped:
        for name, text in members.items():
            zipped.writestr(name, text)
    return file


def test_what_is_no_part_of_an_extension_is_not_copied(tmp_path: Path) -> None:
    source = tmp_path / "book"
    for name in (".git/config", "__pycache__/a.pyc", "studio.py", "static/page.js"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    copy_tree(source, tmp_path / "copy")
    copied = {
        p.relative_to(tmp_path / "copy").as_posix()
        for p in (tmp_path / "copy").rglob("*")
        if p.is_file()
    }
    assert copied == {"studio.py", "static/page.js"}
    assert digest(tmp_path / "copy") == digest(source)


def test_a_link_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book/studio.py").symlink_to("/etc/passwd")
    with pytest.raises(BadExtension, match="link"):
        copy_tree(tmp_path / "book", tmp_path / "copy")


@pytest.mark.parametrize(
    "name", ["../evil.py", "/evil.py", "a/../../evil.py", "C:/evil.py", "a\\..\\..\\evil.py"]
)
def test_an_archive_cannot_write_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadExtension, match="outside of its folder"):
        unpack(_zip(tmp_path / "book.zip", **{name: "x"}), tmp_path / "to")
    assert not list(tmp_path.rglob("evil.py"))


def test_an_archive_with_a_link_or_of_nothing_that_is_one_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("studio.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as zipped:
        zipped.writestr(link, "/etc/passwd")
    with pytest.raises(BadExtension, match="has a link"):
        unpack(tmp_path / "link.zip", tmp_path / "to")
    (tmp_path / "no.zip").write_bytes(b"no")
    with pytest.raises(BadExtension, match="no zip archive"):
        unpack(tmp_path / "no.zip", tmp_path / "to")


def test_what_is_too_large_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MAX_BYTES", 10)
    with pytest.raises(BadExtension, match="at most"):
        unpack(_zip(tmp_path / "book.zip", a="x" * 11), tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_the_one_extension_in_a_folder_is_found(tmp_path: Path) -> None:
    with pytest.raises(BadExtension, match=r"no extension\.toml"):
        the_extension_in(tmp_path)
    for name in ("src/one", "src/two"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "extension.toml").write_text("")
        if name == "src/one":
            assert the_extension_in(tmp_path) == tmp_path / "src/one"
    with pytest.raises(BadExtension, match=r"more than one.*src/one, src/two"):
        the_extension_in(tmp_path)


def test_files_that_come_change_and_go_are_named(tmp_path: Path) -> None:
    for name, text in (
        ("a/same", "1"),
        ("a/other", "1"),
        ("a/gone", "1"),
        ("b/same", "1"),
        ("b/other", "2"),
        ("b/new", "1"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert compare(tmp_path / "a", tmp_path / "b") == FileChanges(("new",), ("other",), ("gone",))
    assert compare(None, tmp_path / "a").added == ("gone", "other", "same")
