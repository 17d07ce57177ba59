"""Extensions are shown, put in place, updated, set back and removed; none of their code runs meanwhile."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.hooks.writing import write_extension
from tests.services.extension_install.making import HEARS, commit, git, write_wheel
from webui.contracts.errors import BadExtension, NotAllowed, NotFound
from webui.hooks.discovery import find_extensions
from webui.hooks.needs import needs_folder
from webui.services.extension_install.installer import STAGED, ExtensionInstaller

RAISES = f"{HEARS}\nraise AssertionError('it ran')\n"


@pytest.fixture
def installer(tmp_path: Path) -> ExtensionInstaller:
    return ExtensionInstaller([tmp_path / "extensions"])


def _names(installer: ExtensionInstaller) -> list[str]:
    return [each.name for each in find_extensions([installer.shelf.folder], ())]


def test_a_repository_is_installed_at_a_commit_after_it_was_shown(
    tmp_path: Path, installer: ExtensionInstaller
) -> None:
    book = write_extension(tmp_path, "book", studio=RAISES, permissions=["network"])
    first, modules = commit(book), set(sys.modules)
    git(book, "tag", "v1")
    change = installer.propose(f"{book.as_uri()}@v1")
    assert (change.manifest.name, change.origin.revision, change.before) == ("book", first, None)
    assert (change.hooks, change.permissions_added) == (("studio_stopped",), ("network",))
    assert change.files.added == ("extension.toml", "studio.py")
    assert _names(installer) == []
    installer.carry_out(change.id)
    assert _names(installer) == ["book"]
    origin = installer.shelf.origin("book")
    assert origin is not None
    assert (origin.source, origin.revision) == (f"{book.as_uri()}@v1", first)
    assert not (installer.shelf.folder / "book/.git").exists()
    assert not list(installer.shelf.staged.glob("*/"))
    assert not [n for n in set(sys.modules) - modules if n.startswith("easel_extensions")]


def test_an_update_shows_what_changes_and_can_be_taken_back_and_forth(
    tmp_path: Path, installer: ExtensionInstaller
) -> None:
    book = write_extension(tmp_path, "book", studio=HEARS, permissions=["files"])
    commit(book)
    installer.carry_out(installer.propose(book.as_uri()).id)
    write_extension(
        tmp_path, "book", studio=f"{HEARS}# more", worker="", version="2.0", permissions=["network"]
    )
    second = commit(book)
    (installer.shelf.folder / "book/studio.py").write_text("# mine")
    change = installer.propose_update("book")
    assert change.before is not None
    assert (change.before.version, change.manifest.version) == ("1.0", "2.0")
    assert (change.permissions_added, change.permissions_removed) == (("network",), ("files",))
    assert (change.files.added, change.files.changed) == (
        ("worker.py",),
        ("extension.toml", "studio.py"),
    )
    assert (change.edited, change.origin.revision) == (True, second)
    installer.carry_out(change.id)
    back = installer.propose_back("book")
    assert (back.goes_back, back.manifest.version, back.files.removed) == (
        True,
        "1.0",
        ("worker.py",),
    )
    installer.carry_out(back.id)
    assert (installer.shelf.folder / "book/studio.py").read_text() == "# mine"
    forth = installer.propose_back("book")
    installer.carry_out(forth.id)
    found = installer.shelf.found("book")
    assert found is not None
    assert found.manifest is not None
    assert found.manifest.version == "2.0"


def test_a_removed_one_lies_in_the_bin(tmp_path: Path, installer: ExtensionInstaller) -> None:
    installer.carry_out(installer.propose(str(write_extension(tmp_path, "book", studio=HEARS))).id)
    installer.remove("book")
    assert _names(installer) == []
    assert installer.shelf.origin("book") is None
    installer.carry_out(installer.propose_back("book").id)
    assert _names(installer) == ["book"]
    assert installer.shelf.origin("book") is not None
    with pytest.raises(NotFound):
        installer.remove("gone")


def test_a_folder_whose_name_is_another_and_an_archive_are_taken(
    tmp_path: Path, installer: ExtensionInstaller
) -> None:
    folder = write_extension(tmp_path, "easel-book-main", studio=HEARS, name="book")
    with zipfile.ZipFile(tmp_path / "pen.zip", "w") as zipped:
        made = write_extension(tmp_path / "made", "pen-1.0", studio=HEARS, name="pen")
        for file in made.iterdir():
            zipped.write(file, f"pen-1.0/{file.name}")
    for source in (folder, tmp_path / "pen.zip"):
        installer.carry_out(installer.propose(str(source)).id)
    assert _names(installer) == ["book", "pen"]


def test_a_package_becomes_a_folder_and_brings_what_it_needs(
    tmp_path: Path, installer: ExtensionInstaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write_extension(tmp_path / "made", "book", studio=HEARS)
    files = {f"easel_book/{f.name}": f.read_text() for f in made.iterdir()} | {
        "easel_book/__init__.py": ""
    }
    shop = tmp_path / "shop"
    write_wheel(
        shop,
        "easel_unheard_of",
        "1.5",
        {"easel_unheard_of.py": "VERSION = '1.5'\n"},
        ("easel-deeper",),
    )
    write_wheel(shop, "easel_deeper", "0.1", {"easel_deeper.py": ""}, ("numpy",))
    needs = (
        "easel-unheard-of>=1",
        "numpy",
        "easel-never; extra == 'more'",
        "easel-never; python_version < '3'",
    )
    write_wheel(shop, "easel_book", "3.0", files, needs, "[easel.extensions]\nbook = easel_book\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))
    change = installer.propose("easel-book")
    assert sorted(change.packages) == ["easel_deeper==0.1", "easel_unheard_of==1.5"]
    installer.carry_out(change.id)
    assert _names(installer) == ["book"]
    found = installer.shelf.found("book")
    assert found is not None
    assert found.manifest is not None
    put = needs_folder(found.manifest)
    assert (put / "easel_unheard_of.py").is_file()
    installer.remove("book")
    assert not put.exists()
    installer.carry_out(installer.propose_back("book").id)
    assert (put / "easel_deeper.py").is_file()


def test_what_was_shown_is_what_is_fetched(
    tmp_path: Path, installer: ExtensionInstaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = tmp_path / "shop"
    write_wheel(shop, "easel_unheard_of", "1.5", {"easel_unheard_of.py": ""})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))
    book = write_extension(tmp_path, "book", studio=HEARS, needs=["easel-unheard-of"])
    change = installer.propose(str(book))
    write_wheel(shop, "easel_unheard_of", "1.5", {"easel_unheard_of.py": "evil = 1\n"})
    with pytest.raises(BadExtension, match=r"(?i)hash"):
        installer.carry_out(change.id)
    assert _names(installer) == []


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (["numpy==1.0"], rf"'book' needs numpy==1\.0, and Easel has numpy {np.__version__}"),
        (["torch==1.0"], r"'book' needs torch==1\.0, and Easel has torch"),
        (["torchvision"], "torchvision"),
        (["easel-greedy"], r"'book' needs \(easel-greedy\)(.|\n)*numpy<1"),
        (["easel-never-heard-of"], r"'book' needs \(easel-never-heard-of\)"),
    ],
)
def test_what_does_not_go_with_easels_packages_is_refused_with_both_names(
    tmp_path: Path,
    installer: ExtensionInstaller,
    monkeypatch: pytest.MonkeyPatch,
    needs: list[str],
    said: str,
) -> None:
    shop = tmp_path / "shop"
    write_wheel(shop, "easel_greedy", "1.0", {"easel_greedy.py": ""}, ("numpy<1",))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))
    with pytest.raises(BadExtension, match=said):
        installer.propose(str(write_extension(tmp_path, "book", studio=HEARS, needs=needs)))
    assert not list(installer.shelf.staged.glob("*/"))


def test_names_of_others_and_what_does_not_fit_are_refused(tmp_path: Path) -> None:
    write_extension(tmp_path / "boxed", "book", studio=HEARS)
    installer = ExtensionInstaller([tmp_path / "own", tmp_path / "boxed"])
    made = tmp_path / "made"
    for values, said in (
        ({"name": "book"}, "another extension 'book' already"),
        ({"name": "../evil"}, "calls itself '../evil'"),
        ({"easel": ">=9"}, "is for extension points >=9"),
    ):
        with pytest.raises(BadExtension, match=said):
            installer.propose(str(write_extension(made, "odd", studio=HEARS, **values)))
    with pytest.raises(BadExtension, match="no branch"):
        installer.propose(f"{_repository(tmp_path).as_uri()}@nothing")
    with pytest.raises(BadExtension, match="'book' is here already; to use it, enable it"):
        installer.propose("book")
    with pytest.raises(BadExtension, match="comes with Easel"):
        installer.remove("book")
    with pytest.raises(BadExtension, match="Nobody noted"):
        installer.propose_update("book")
    with pytest.raises(BadExtension, match="no earlier edition"):
        installer.propose_back("book")


def _repository(folder: Path) -> Path:
    made = write_extension(folder, "pen", studio=HEARS)
    commit(made)
    return made


def test_a_studio_that_others_reach_does_none_of_it(tmp_path: Path) -> None:
    installer = ExtensionInstaller([tmp_path / "extensions"], "Not here.")
    book = str(write_extension(tmp_path, "book", studio=HEARS))
    for act in (installer.propose, installer.propose_back, installer.carry_out, installer.remove):
        with pytest.raises(NotAllowed, match="Not here"):
            act(book)
    assert not (tmp_path / "extensions").exists()


def test_only_so_many_changes_wait_and_one_an_extension(
    tmp_path: Path, installer: ExtensionInstaller
) -> None:
    books = [str(write_extension(tmp_path, f"book{i}", studio=HEARS)) for i in range(STAGED + 1)]
    changes = [installer.propose(book) for book in books]
    assert installer.waiting() == tuple(changes[1:])
    with pytest.raises(NotFound):
        installer.carry_out(changes[0].id)
    installer.discard(changes[1].id)
    again = installer.propose(books[2])
    assert installer.waiting() == (*changes[3:], again)
    assert len(list(installer.shelf.staged.glob("*/"))) == STAGED - 1


def test_an_update_that_brings_nothing_says_so(
    tmp_path: Path, installer: ExtensionInstaller
) -> None:
    change = installer.propose(str(write_extension(tmp_path, "book", studio=HEARS)))
    assert not change.changes_nothing
    installer.carry_out(change.id)
    assert installer.propose_update("book").changes_nothing
