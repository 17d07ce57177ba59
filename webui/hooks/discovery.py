"""Finds extensions in folders and among installed packages, without running any of their code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from webui.contracts.errors import BadExtension
from webui.contracts.extension import Manifest
from webui.hooks.manifest import FILE, read_manifest

GROUP = "easel.extensions"
"""Entry points of installed packages: the extension's name, and the package that is its folder."""


@dataclass(frozen=True)
class Found:
    """A folder or an entry point that claims to be an extension."""

    name: str
    manifest: Manifest | None
    problem: str | None = None
    """Why it cannot be used."""


def find_extensions(
    folders: Sequence[Path], packages: Iterable[EntryPoint] | None = None
) -> tuple[Found, ...]:
    """All extensions, by name; the first of a name counts, and folders come before packages.

    Args:
        folders: Each holds extensions, a folder each; one that is not there holds none.
        packages: Entry points to look at; those of this environment when None.
    """
    found: dict[str, Found] = {}
    for folder in folders:
        for file in sorted(folder.glob(f"*/{FILE}")):
            found.setdefault(file.parent.name, _read(file.parent, file.parent.name))
    for point in entry_points(group=GROUP) if packages is None else packages:
        place = _place_of(point)
        if place is not None:
            found.setdefault(point.name, _read(place, point.name))
    return tuple(found[name] for name in sorted(found))


def _read(folder: Path, name: str) -> Found:
    try:
        return Found(name, read_manifest(folder, name))
    except BadExtension as error:
        return Found(name, None, str(error))


def _place_of(point: EntryPoint) -> Path | None:
    """The folder of an entry point's package, found by its file's place and not by an import."""
    if point.dist is None:
        return None
    place = Path(str(point.dist.locate_file(point.module.replace(".", "/"))))
    return place if (place / FILE).is_file() else _linked(point.module) or place


def _linked(module: str) -> Path | None:
    """Where a package lies that is installed by a link (`pip install -e`), as the import system knows it."""
    first, *rest = module.split(".")
    try:
        spec = find_spec(first)  # of a name without dots it runs none of the package
    except (ImportError, ValueError):
        return None
    places = [] if spec is None else spec.submodule_search_locations or []
    found = (Path(place, *rest) for place in places)
    return next((place for place in found if (place / FILE).is_file()), None)
