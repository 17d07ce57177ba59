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


def conflicts_with_others(
    manifest: Manifest, names: Iterable[str] | None = None
) -> tuple[str, ...]:
    """What an extension or its packages need in another version than one beside it has brought, a sentence each.

    One process has one version of a package: that of the extension which was there first.

    Args:
        manifest: Of the extension.
        names: Of the extensions that are there; those whose packages are importable when None.
    """
    beside = (
        _brought_along() if names is None else [needs_folder(manifest).parent / n for n in names]
    )
    own = list(distributions(path=[str(needs_folder(manifest))]))
    wanted = [*manifest.needs, *(text for each in own for text in each.requires or ())]
    sentences = []
    for place in (each for each in beside if each.name != manifest.name):
        theirs = {
            canonicalize_name(found.metadata["Name"]): found.version
            for found in distributions(path=[str(place)])
        }
        for need in map(Requirement, wanted):
            have = theirs.get(canonicalize_name(need.name))
            asked = need.marker is None or need.marker.evaluate({"extra": ""})
            if asked and have is not None and not need.specifier.contains(have, prereleases=True):
                sentences.append(
                    f"The extension {manifest.name!r} needs {need}, and the extension {place.name!r} has brought {need.name} "
                    f"{have}; only one version of it can be in use. Disable one of them."
                )
    return tuple(dict.fromkeys(sentences))


def _brought_along() -> list[Path]:
    """Folders of the packages of the extensions that are in use."""
    return [Path(each) for each in sys.path if Path(each).parts[-2:-1] == (FOLDER,)]


def add_needs(manifest: Manifest) -> None:
    """Make an extension's packages importable, behind all of Easel's own.

    Raises:
        BadExtension: one is not there, or in a version that does not do.
    """
    conflicts = conflicts_with_pins(manifest) + conflicts_with_others(manifest)
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
