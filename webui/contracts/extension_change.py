"""What would change if an extension was installed, updated or set back: to be read before it is done."""

from __future__ import annotations

from dataclasses import dataclass

from webui.contracts.extension import Manifest


@dataclass(frozen=True)
class Origin:
    """Where an installed extension came from, and as what."""

    source: str
    """As it was given: a git address, a folder, an archive or a requirement."""
    revision: str
    """The commit of a git address, else 'sha256:' and the digest of all files."""
    digest: str
    """sha256 of all files as they were installed: another one now means that somebody edited them."""


@dataclass(frozen=True)
class FileChanges:
    """Names of files, relative to the extension's folder."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExtensionChange:
    """A fetched extension that waits to be installed; none of its code has run."""

    id: str
    manifest: Manifest
    """Of the fetched copy."""
    origin: Origin
    hooks: tuple[str, ...]
    """Extension points that its modules name."""
    files: FileChanges
    """Against what is installed."""
    packages: tuple[str, ...] = ()
    """What would be put into its own folder of packages: 'name==version'."""
    before: Manifest | None = None
    """What it would replace; that goes to the bin, and can be taken back."""
    origin_before: Origin | None = None
    """Where that came from, as far as it was noted."""
    hooks_before: tuple[str, ...] = ()
    edited: bool = False
    """Whether the files that it replaces are no longer those that were installed."""
    goes_back: bool = False
    """Whether it is an earlier edition out of the bin."""

    @property
    def permissions_added(self) -> tuple[str, ...]:
        """What it asks for and did not before."""
        had = () if self.before is None else self.before.permissions
        return tuple(name for name in self.manifest.permissions if name not in had)

    @property
    def permissions_removed(self) -> tuple[str, ...]:
        """What it asked for before and does no longer."""
        had = () if self.before is None else self.before.permissions
        return tuple(name for name in had if name not in self.manifest.permissions)

    @property
    def changes_nothing(self) -> bool:
        """Whether exactly these files are installed already."""
        return self.before is not None and self.files == FileChanges()
