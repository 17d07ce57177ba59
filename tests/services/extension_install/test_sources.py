"""What a person gives to install from."""

from __future__ import annotations

from pathlib import Path

import pytest

from webui.contracts.errors import BadExtension
from webui.services.extension_install.sources import parse_source


@pytest.mark.parametrize(
    ("text", "kind", "address", "revision"),
    [
        ("https://host/ann/book", "git", "https://host/ann/book", ""),
        ("https://host/ann/book.git@v1.2", "git", "https://host/ann/book.git", "v1.2"),
        ("git+https://host/ann/book@feature", "git", "https://host/ann/book", "feature"),
        ("https://host/ann/book@release/1.x", "git", "https://host/ann/book", "release/1.x"),
        ("https://ann@host/ann/book", "git", "https://ann@host/ann/book", ""),
        ("ssh://git@host:22/ann/book", "git", "ssh://git@host:22/ann/book", ""),
        ("ssh://git@host/ann/book@a1b2c3", "git", "ssh://git@host/ann/book", "a1b2c3"),
        ("git@host:ann/book.git", "git", "git@host:ann/book.git", ""),
        ("git@host:ann/book.git@main", "git", "git@host:ann/book.git", "main"),
        ("easel-book>=1", "package", "easel-book>=1", ""),
    ],
)
def test_an_address_a_revision_and_a_package_are_told_apart(
    text: str, kind: str, address: str, revision: str
) -> None:
    source = parse_source(text)
    assert (source.kind, source.address, source.revision) == (kind, address, revision)
    assert source.text == text


def test_a_folder_and_an_archive_are_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "book.zip").write_bytes(b"")
    (tmp_path / "book.txt").write_bytes(b"")
    assert parse_source(str(tmp_path)).kind == "folder"
    assert parse_source(f" {tmp_path / 'book.zip'} ").kind == "archive"
    with pytest.raises(BadExtension, match=r"is a file; expected a folder"):
        parse_source(str(tmp_path / "book.txt"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://host/ann/book", "without encryption"),
        ("git://host/ann/book", "without encryption"),
        ("https://host/book.zip", "archive elsewhere"),
        ("/nowhere/at all", "nothing that an extension can be installed from"),
        ("", "nothing that an extension can be installed from"),
        ("--upload-pack=touch", "nothing that an extension can be installed from"),
        ("ext::sh -c touch", "nothing that an extension can be installed from"),
        ("book @ https://host/book.whl", "by an address"),
    ],
)
def test_anything_else_is_refused_with_what_is_expected(text: str, said: str) -> None:
    with pytest.raises(BadExtension, match=said):
        parse_source(text)
