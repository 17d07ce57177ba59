"""Packages that an extension needs: in a folder of its own, and never other than Easel's pins allow."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from webui.contracts.errors import BadExtension
from webui.contracts.extension import Manifest

FOLDER = ".needs"
"""Beside the extensions; a folder for each that has needs."""


def needs_folder(manifest: Manifest) -> Path:
    """Where the packages of an extension are installed."""
    return manifest.folder.parent / FOLDER / manifest.name


def conflicts_with_pins(manifest: Manifest, wanted: Iterable[str] | None = None) -> tuple[str, ...]:
    """What an extension needs in another version than Easel has, a sentence each.

    Args:
        manifest: Of the extension.
        wanted: Requirements to look at in place of the manifest's own, such as those of its needs.
    """
    sentences = []
    for text in manifest.needs if wanted is None else wanted:
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate():
            continue
        have = _installed(need.name)
        if have is not None and not need.specifier.contains(have, prereleases=True):
            sentences.append(
                f"The extension {manifest.name!r} needs {need}, and Easel has {need.name} {have}, which "
                "it does not change for an extension."
            )
        elif canonicalize_name(need.name) == "torchvision":
            sentences.append(
                f"The extension {manifest.name!r} needs torchvision, whose presence breaks the build of "
                "torch that Easel has."
            )
    return tuple(sentences)


def add_needs(manifest: Manifest) -> None:
    """Make an extension's packages importable, behind all of Easel's own.

    Raises:
        BadExtension: one is not there, or in a version that does not do.
    """
    conflicts = conflicts_with_pins(manifest)
    if conflicts:
        raise BadExtension(" ".join(conflicts))
    folder = needs_folder(manifest)
    there = {
        canonicalize_name(found.metadata["Name"]): found.version
        for found in distributions(path=[str(folder)])
    }
    for text in manifest.needs:
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate():
            continue
        have = _installed(need.name) or there.get(canonicalize_name(need.name))
        if have is None or not need.specifier.contains(have, prereleases=True):
            found = "is missing" if have is None else f"is there as {have}"
            raise BadExtension(
                f"The extension {manifest.name!r} needs {need}, which {found}. `python launch.py extensions install "
                f"{manifest.folder}` brings what it needs into {folder}."
            )
    if folder.is_dir() and str(folder) not in sys.path:
        sys.path.append(str(folder))


def remove_needs(name: str) -> None:
    """Take an extension's packages off the path; what was imported of them stays in memory."""
    sys.path[:] = [p for p in sys.path if Path(p).parts[-2:] != (FOLDER, name)]


def _installed(name: str) -> str | None:
    """Version of a package of this environment; None where it is not in it."""
    own = [place for place in sys.path if FOLDER not in Path(place).parts]
    return next((found.version for found in distributions(name=name, path=own)), None)
