"""Extensions are found in folders and among installed packages, and none of their code is run."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from webui.hooks.discovery import GROUP, find_extensions

EXPLODES = "raise AssertionError('code was run')"


def test_all_of_a_folder_are_found_by_name_and_the_first_folder_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    for folder, version in ((first, "1.0"), (second, "2.0")):
        write_extension(folder, "book", studio=EXPLODES, version=version)
    write_extension(second, "art", worker=EXPLODES)
    (second / "no_extension").mkdir()
    found = find_extensions([first, second, tmp_path / "gone"], [])
    assert [(f.name, f.manifest and f.manifest.version) for f in found] == [
        ("art", "1.0"), ("book", "1.0"),
    ]  # fmt: skip


def test_one_that_cannot_be_read_is_listed_with_its_reason(tmp_path: Path) -> None:
    write_extension(tmp_path, "book", studio="", name="../book")
    (found,) = find_extensions([tmp_path], [])
    assert (found.name, found.manifest) == ("book", None)
    assert "a name has at most 40" in (found.problem or "")


def test_an_installed_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_extension(tmp_path, "book", studio=EXPLODES)
    (tmp_path / "book" / "__init__.py").write_text(EXPLODES)
    info = tmp_path / "easel_book-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: easel-book\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nbook = book\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = find_extensions([], entry_points(group=GROUP))
    assert [(f.name, f.problem) for f in found] == [("book", None)]
    assert found[0].manifest is not None
    assert found[0].manifest.folder == tmp_path / "book"
    assert "book" not in sys.modules


LINKED = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "easel-linked"
version = "1.0"

[project.entry-points."easel.extensions"]
linked_book = "easel_linked.linked_book"

[tool.setuptools.packages.find]
where = ["WHERE"]
"""
LISTS = """
import site, sys
site.addsitedir(sys.argv[1])
from webui.hooks.discovery import find_extensions
print([(each.name, each.manifest and str(each.manifest.folder), each.problem) for each in find_extensions([])])
"""


@pytest.mark.parametrize("where", [".", "src"])
def test_a_package_that_is_installed_by_a_link_is_found_where_it_lies(
    tmp_path: Path, where: str
) -> None:
    """By pip itself: a package in the project's own folder is linked by a finder, one below src/ by a path."""
    package = tmp_path / "project" / where / "easel_linked"
    folder = write_extension(package, "linked_book", studio=EXPLODES)
    (package / "__init__.py").write_text(EXPLODES)
    (folder / "__init__.py").write_text(EXPLODES)
    (tmp_path / "project/pyproject.toml").write_text(LINKED.replace("WHERE", where))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run(
        [*pip, "--prefix", str(tmp_path / "prefix"), "-e", str(tmp_path / "project")], check=True
    )
    (site,) = (tmp_path / "prefix").rglob("site-packages")
    listed = subprocess.run(
        [sys.executable, "-c", LISTS, str(site)], capture_output=True, text=True, check=True
    )
    assert listed.stdout.strip() == str([("linked_book", str(folder), None)])
