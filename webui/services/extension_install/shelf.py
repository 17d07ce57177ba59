"""Where installed extensions lie, beside what is kept of each: its origin, its packages, earlier editions.

Below the folder of extensions, none of it deep enough to be taken for an extension itself:

    NAME/                       in use, or to be
    .needs/NAME/                its packages
    .installed/NAME.json        its origin
    .staged/ID/...              fetched, and waiting for a yes
    .bin/NAME/TIME/             an earlier edition: NAME/, needs/ and origin.json
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from webui.contracts.errors import BadExtension
from webui.contracts.extension_change import Origin
from webui.hooks.discovery import Found, find_extensions
from webui.hooks.needs import FOLDER as NEEDS
from webui.services.files import write_file

_ORIGIN = TypeAdapter(Origin)


@dataclass(frozen=True)
class Edition:
    """A folder of an extension's files, its packages beside it, and where they came from."""

    files: Path
    needs: Path
    """Not there when it needs none."""
    origin: Origin | None
    """None of one that somebody put there by hand."""


class ExtensionShelf:
    """The folder of extensions that are installed here."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before it is needed."""
        self.folder = folder
        self.staged = folder / ".staged"

    def found(self, name: str) -> Found | None:
        """What lies there under a name, readable or not."""
        return next((f for f in find_extensions([self.folder], ()) if f.name == name), None)

    def origin(self, name: str) -> Origin | None:
        """Where an installed extension came from; None where nobody noted it."""
        return _read_origin(self._origin_file(name))

    def edition(self, name: str) -> Edition | None:
        """What is installed under a name."""
        folder = self.folder / name
        if not folder.is_dir():
            return None
        return Edition(folder, self.folder / NEEDS / name, self.origin(name))

    def earlier(self, name: str) -> Edition | None:
        """The edition that was taken away last."""
        kept = self.folder / ".bin" / name
        times = sorted((f for f in kept.iterdir() if (f / name).is_dir()), key=lambda f: f.name) if kept.is_dir() else []  # fmt: skip
        return None if not times else Edition(times[-1] / name, times[-1] / "needs", _read_origin(times[-1] / "origin.json"))  # fmt: skip

    def put(self, name: str, edition: Edition) -> None:
        """Put an edition in place; what was there goes to the bin, and is back if that fails."""
        had = self.edition(name)
        kept = self.take_away(name) if had is not None else None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            edition.files.rename(self.folder / name)
            if edition.needs.is_dir():
                (self.folder / NEEDS).mkdir(exist_ok=True)
                shutil.rmtree(self.folder / NEEDS / name, ignore_errors=True)
                edition.needs.rename(self.folder / NEEDS / name)
            if edition.origin is not None:
                self._write_origin(self._origin_file(name), edition.origin)
        except OSError as error:
            if kept is not None and not (self.folder / name).exists():
                self._restore(name, kept)
            raise BadExtension(f"{name!r} could not be put in place: {error}.") from error

    def take_away(self, name: str) -> Path:
        """Move what is installed under a name to the bin; gives its place there.

        Raises:
            BadExtension: nothing is, or it cannot be moved.
        """
        edition = self.edition(name)
        if edition is None:
            raise BadExtension(f"There is no {self.folder / name}, so nothing can be taken away.")
        kept = self.folder / ".bin" / name / f"{time.time_ns():020d}"
        kept.mkdir(parents=True)
        try:
            edition.files.rename(kept / name)
        except OSError as error:
            kept.rmdir()
            raise BadExtension(f"{edition.files} cannot be moved: {error}.") from error
        if edition.needs.is_dir():
            edition.needs.rename(kept / "needs")
        if edition.origin is not None:
            self._write_origin(kept / "origin.json", edition.origin)
            self._origin_file(name).unlink(missing_ok=True)
        return kept

    def _restore(self, name: str, kept: Path) -> None:
        (kept / name).rename(self.folder / name)
        if (kept / "needs").is_dir():
            (kept / "needs").rename(self.folder / NEEDS / name)
        origin = _read_origin(kept / "origin.json")
        if origin is not None:
            self._write_origin(self._origin_file(name), origin)
        shutil.rmtree(kept, ignore_errors=True)

    def _origin_file(self, name: str) -> Path:
        return self.folder / ".installed" / f"{name}.json"

    def _write_origin(self, file: Path, origin: Origin) -> None:
        write_file(file, json.dumps(asdict(origin), indent=2).encode() + b"\n", self.staged)


def _read_origin(file: Path) -> Origin | None:
    try:
        return _ORIGIN.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
