"""Installs, updates, sets back and removes extensions, each shown as a change before it is done."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from webui.contracts.errors import BadExtension, NotAllowed, NotFound
from webui.contracts.extension import Manifest
from webui.contracts.extension_change import ExtensionChange, Origin
from webui.hooks.declared import declared_hooks
from webui.hooks.discovery import find_extensions
from webui.hooks.manifest import name_in, read_manifest
from webui.services.extension_install.fetching import fetch
from webui.services.extension_install.packages import Package, install_packages, packages_for
from webui.services.extension_install.shelf import Edition, ExtensionShelf
from webui.services.extension_install.sources import Source, parse_source
from webui.services.extension_install.trees import compare, digest

STAGED = 8
"""Changes that wait at a time, one an extension; the oldest is dropped for another."""


@dataclass(frozen=True)
class _Waiting:
    change: ExtensionChange
    edition: Edition
    """Its files, where they lie now; its packages, where they will."""
    packages: tuple[Package, ...] = ()


class ExtensionInstaller:
    """What may put code in place, or take it away; it runs none of it."""

    def __init__(self, folders: Sequence[Path], refusal: str | None = None) -> None:
        """Nothing is made before it is needed.

        Args:
            folders: Of extensions; it installs into the first.
            refusal: Why it must not be used in this studio; None where it may.
        """
        self.refusal = refusal
        self.shelf = ExtensionShelf(folders[0])
        self._folders = tuple(folders)
        self._waiting: dict[str, _Waiting] = {}
        self._lock = threading.Lock()

    def propose(self, source: str) -> ExtensionChange:
        """Fetch an extension and say what installing it would change.

        Raises:
            NotAllowed: nothing is installed in this studio.
            BadExtension: it cannot be fetched, is no extension that fits, or would take a name that is not its.
        """
        self._refuse()
        place, id_ = self._new_place()
        try:
            asked = self._meant(parse_source(source))
            got = fetch(asked, place)
            manifest = read_manifest(got.folder, got.name or name_in(got.folder))
            self._refuse_taken(manifest.name)
            staged = place / "new" / manifest.name
            staged.parent.mkdir()
            got.folder.rename(staged)
            shutil.rmtree(staged / ".git", ignore_errors=True)
            manifest = read_manifest(staged)
            packages = packages_for(manifest, got.requires, place)
            origin = Origin(asked.text, got.revision, digest(staged))
            return self._wait(id_, manifest, Edition(staged, place / "needs", origin), packages)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def propose_update(self, name: str) -> ExtensionChange:
        """Fetch an installed extension anew from where it came.

        Raises:
            NotAllowed: nothing is installed in this studio.
            BadExtension: nobody noted where it came from, or what is there now does not fit.
        """
        self._refuse()
        origin = self.shelf.origin(name)
        if origin is None:
            raise BadExtension(
                f"Nobody noted where the extension {name[:100]!r} came from; install it from a git address, a "
                "folder, an archive or a package, and it can be updated from there."
            )
        change = self.propose(origin.source)
        if change.manifest.name != name:
            self.discard(change.id)
            raise BadExtension(
                f"{origin.source!r} is the extension {change.manifest.name!r} now, no longer {name!r}."
            )
        return change

    def propose_back(self, name: str) -> ExtensionChange:
        """The edition that the last update replaced, or that was removed.

        Raises:
            NotAllowed: nothing is installed in this studio.
            BadExtension: there is none.
        """
        self._refuse()
        earlier = self.shelf.earlier(name)
        if earlier is None:
            raise BadExtension(f"There is no earlier edition of the extension {name[:100]!r}.")
        self._refuse_taken(name)
        manifest = read_manifest(earlier.files)
        return self._wait(uuid.uuid4().hex, manifest, earlier, (), goes_back=True)

    def waiting(self) -> tuple[ExtensionChange, ...]:
        """The changes that wait for a yes, oldest first."""
        return tuple(each.change for each in list(self._waiting.values()))

    def carry_out(self, id_: str) -> ExtensionChange:
        """Do what was shown: put the files and packages in place, the ones before into the bin.

        Raises:
            NotAllowed: nothing is installed in this studio.
            NotFound: no such change waits.
            BadExtension: a package could not be fetched as it was shown, or a file not be moved.
        """
        self._refuse()
        with self._lock:
            waiting = self._waiting.pop(id_, None)
            if waiting is None:
                raise NotFound("change of an extension", id_)
            name, edition = waiting.change.manifest.name, waiting.edition
            try:
                if waiting.packages:
                    install_packages(waiting.packages, edition.needs, edition.needs.parent)
                self.shelf.put(name, edition)
            finally:
                if waiting.change.goes_back:
                    _remove_empty(edition.files.parent)
                else:
                    shutil.rmtree(self.shelf.staged / id_, ignore_errors=True)
        return waiting.change

    def discard(self, id_: str) -> None:
        """Do nothing of what was shown; nothing happens where it does not wait."""
        with self._lock:
            if (waiting := self._waiting.pop(id_, None)) and not waiting.change.goes_back:
                shutil.rmtree(self.shelf.staged / id_, ignore_errors=True)

    def remove(self, name: str) -> None:
        """Take an extension away, into the bin.

        Raises:
            NotAllowed: nothing is removed in this studio.
            NotFound: none of this name is there.
            BadExtension: it does not lie where extensions are installed.
        """
        self._refuse()
        if self.shelf.edition(name) is None:
            every = {each.name: each for each in find_extensions(self._folders)}
            if name not in every:
                raise NotFound("extension", name)
            raise BadExtension(
                f"The extension {name!r} does not lie in {self.shelf.folder}; it comes with Easel or is a Python "
                "package, so it can be disabled here, and not removed."
            )
        with self._lock:
            self.shelf.take_away(name)

    def _wait(
        self,
        id_: str,
        manifest: Manifest,
        edition: Edition,
        packages: tuple[Package, ...],
        goes_back: bool = False,
    ) -> ExtensionChange:
        had = self.shelf.found(manifest.name)
        before = None if had is None else had.manifest
        place = self.shelf.folder / manifest.name
        origin = self.shelf.origin(manifest.name)
        change = ExtensionChange(
            id=id_, manifest=manifest, origin=edition.origin or Origin("", "", digest(edition.files)),
            hooks=declared_hooks(manifest), packages=tuple(map(str, packages)), before=before,
            files=compare(place if place.is_dir() else None, edition.files),
            hooks_before=() if before is None else declared_hooks(before),
            origin_before=origin,
            edited=origin is not None and place.is_dir() and digest(place) != origin.digest,
            goes_back=goes_back,
        )  # fmt: skip
        with self._lock:
            older = [i for i, w in self._waiting.items() if w.change.manifest.name == manifest.name]
            self._waiting[id_] = _Waiting(change, edition, packages)
            dropped = [*older, *list(self._waiting)[:-STAGED]]
        for each in dropped:
            self.discard(each)
        return change

    def _new_place(self) -> tuple[Path, str]:
        id_ = uuid.uuid4().hex
        place = self.shelf.staged / id_
        place.mkdir(parents=True)
        return place, id_

    def _refuse(self) -> None:
        if self.refusal is not None:
            raise NotAllowed(self.refusal)

    def _meant(self, asked: Source) -> Source:
        """What was asked for, unless it is the name of an extension that is here, and came from elsewhere.

        A stranger's package of the same name is not what is meant by it.

        Raises:
            BadExtension: it is.
        """
        name = asked.text
        origin = self.shelf.origin(name) if asked.kind == "package" else None
        is_here = name in {each.name for each in find_extensions(self._folders)}
        if asked.kind == "package" and is_here and (origin is None or origin.source != name):
            raise BadExtension(
                f"The extension {name!r} is here already; to use it, enable it. To install another in its place, give a git "
                "address, a folder or an archive."
            )
        return asked

    def _refuse_taken(self, name: str) -> None:
        """A name that Easel's own or a package's extension has stays theirs."""
        others = find_extensions(self._folders[1:])
        if name in {each.name for each in others}:
            raise BadExtension(
                f"There is another extension {name!r} already, which does not lie in {self.shelf.folder}."
            )


def _remove_empty(folder: Path) -> None:
    """What is left of an edition's place in the bin."""
    shutil.rmtree(folder, ignore_errors=True)
