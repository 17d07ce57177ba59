"""An extension's packages are its own, and never change Easel's."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.hooks.writing import write_extension
from webui.contracts.errors import BadExtension
from webui.hooks.manifest import read_manifest
from webui.hooks.needs import (
    add_needs,
    conflicts_with_others,
    conflicts_with_pins,
    needs_folder,
    remove_needs,
)


def _package(folder: Path, name: str, version: str, requires: str = "") -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    said = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(said + (f"Requires-Dist: {requires}\n" if requires else ""))
    (folder / f"{name}.py").write_text(f"VERSION = {version!r}\n")


def test_another_version_of_a_package_that_easel_has_is_a_conflict(tmp_path: Path) -> None:
    needs = ["numpy==1.0", f"numpy=={np.__version__}", "torchvision", "easel-unheard-of>=1"]
    manifest = read_manifest(write_extension(tmp_path, "book", studio="", needs=needs))
    first, second = conflicts_with_pins(manifest)
    assert f"needs numpy==1.0, and Easel has numpy {np.__version__}" in first
    assert "torchvision" in second
    with pytest.raises(BadExtension, match=r"needs numpy==1\.0"):
        add_needs(manifest)


def test_what_is_not_there_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    manifest = read_manifest(
        write_extension(tmp_path, "book", studio="", needs=["easel-unheard-of>=1"])
    )
    with pytest.raises(BadExtension, match=r"easel-unheard-of>=1, which is missing.*install"):
        add_needs(manifest)


def test_its_own_packages_are_found_last_and_only_while_it_is_in_use(tmp_path: Path) -> None:
    manifest = read_manifest(
        write_extension(tmp_path, "book", studio="", needs=["easel_unheard_of>=1"])
    )
    _package(needs_folder(manifest), "easel_unheard_of", "1.5")
    add_needs(manifest)
    add_needs(manifest)
    assert sys.path[-1] == str(needs_folder(manifest))
    assert sys.path.count(sys.path[-1]) == 1
    remove_needs("book")
    assert str(needs_folder(manifest)) not in sys.path


@pytest.mark.parametrize("requires", ["", "easel_rare==2.0"])
def test_two_extensions_that_need_different_versions_are_both_named(
    tmp_path: Path, requires: str
) -> None:
    """Be it that an extension needs it, or a package that it brought."""
    first = read_manifest(write_extension(tmp_path, "first", studio="", needs=["easel_rare==1.0"]))
    _package(needs_folder(first), "easel_rare", "1.0")
    needs = ["easel_common"] if requires else ["easel_rare==2.0"]
    second = read_manifest(write_extension(tmp_path, "second", studio="", needs=needs))
    _package(needs_folder(second), "easel_common", "3.0", requires)
    _package(needs_folder(second), "easel_rare", "2.0")
    assert conflicts_with_others(second) == ()
    (said,) = conflicts_with_others(second, ["first"])
    assert (
        "'second' needs easel_rare==2.0, and the extension 'first' has brought easel_rare 1.0"
        in said
    )
    add_needs(first)
    with pytest.raises(BadExtension, match=r"'second' needs easel_rare==2\.0.*'first'"):
        add_needs(second)
    remove_needs("first")
    add_needs(second)
    remove_needs("second")
