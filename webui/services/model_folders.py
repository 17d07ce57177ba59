"""Folders of models that were added in the studio: used where they lie, kept over restarts, watched like all others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from webui.contracts.errors import BadRequest, NotAllowed, NotFound
from webui.services.catalog import Catalog
from webui.services.model_roots import program_of
from webui.services.settings import SettingsStore

KEY = "model_folders"
MOST = 50

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelFolder:
    """A folder that is looked through."""

    path: str
    is_added: bool
    """Whether it was added in the studio; others are the program's own, or named when it was started."""
    program: str
    """Whose it is; '' where it is a folder of models."""
    is_there: bool
    """A disk that is not mounted is not."""
    count: int
    """Models and adapters that are used from it."""


class ModelFolders:
    """Adds and removes folders. All methods may be called from any thread."""

    def __init__(
        self,
        store: SettingsStore,
        catalog: Catalog,
        arrange: Callable[[Sequence[Path]], Sequence[Path]],
        refusal: str | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """The catalog looks through what was added before.

        Args:
            store: Keeps the list.
            catalog: Looks through the folders.
            arrange: All folders in order, of those that were added.
            refusal: A sentence; with it nobody adds, removes or sees any here.
            on_change: Called when the catalog has others.
        """
        self.refusal = refusal
        self._store, self._catalog, self._arrange = store, catalog, arrange
        self._on_change = on_change
        self._lock = threading.Lock()
        self._added = kept_folders(store)
        catalog.look_through(arrange(self._added))

    def list(self) -> tuple[ModelFolder, ...]:
        """All that are looked through, in their order, and those that were added and are not.

        Raises:
            NotAllowed: what lies on this computer is nobody else's business.
        """
        self._check_allowed()
        paths = [Path(info.path) for info in self._catalog.everything() if info.path]
        return tuple(
            ModelFolder(
                path=str(folder), is_added=folder in self._added, program=program_of(folder),
                is_there=folder.is_dir(), count=sum(path.is_relative_to(folder) for path in paths),
            )
            for folder in dict.fromkeys((*self._catalog.folders, *self._added))
        )  # fmt: skip

    def add(self, path: str) -> None:
        """Look through a folder from now on; it is on disk when this returns.

        Raises:
            NotAllowed: nobody may do that here.
            BadRequest: there is no such folder, it cannot be read, or it is looked through already.
        """
        self._check_allowed()
        folder = _usable(path)
        with self._lock:
            self._check_apart(folder)
            if len(self._added) >= MOST:
                raise BadRequest(f"{MOST} folders were added, which is as many as are kept. Remove one, or name one that holds several.")  # fmt: skip
            self._become((*self._added, folder))
        self._on_change()

    def remove(self, path: str) -> None:
        """Look through it no more; what lies in it stays as it is.

        Raises:
            NotAllowed: nobody may do that here.
            NotFound: it was not added here.
        """
        self._check_allowed()
        with self._lock:
            left = tuple(folder for folder in self._added if str(folder) != path)
            if left == self._added:
                raise NotFound("added folder", path)
            self._become(left)
        self._on_change()

    def _become(self, added: tuple[Path, ...]) -> None:
        self._store.put(KEY, [str(folder) for folder in added])
        self._added = added
        self._catalog.look_through(self._arrange(added))

    def _check_allowed(self) -> None:
        if self.refusal is not None:
            raise NotAllowed(self.refusal)

    def _check_apart(self, folder: Path) -> None:
        for known in (*self._catalog.folders, *self._added):
            if folder.is_relative_to(known.resolve()):
                raise BadRequest(f"{str(folder)!r} is looked through already, with {str(known)!r}.")
            if known.resolve().is_relative_to(folder):
                raise BadRequest(
                    f"{str(folder)!r} holds {str(known)!r}, which is looked through already. Name a folder beside that one."
                )


def kept_folders(store: SettingsStore) -> tuple[Path, ...]:
    """Those that were added, in the order of that."""
    kept = store.get(KEY, [])
    paths = [path for path in kept if isinstance(path, str)] if isinstance(kept, list) else []
    return tuple(dict.fromkeys(Path(path) for path in paths if Path(path).is_absolute()))


def _usable(path: str) -> Path:
    """The folder without links, which is there and can be read.

    Raises:
        BadRequest: it is not, and why.
    """
    try:
        given = Path(path.strip()).expanduser()
        if not path.isprintable() or not given.is_absolute():
            raise RuntimeError
        folder = given.resolve()
    except (RuntimeError, OSError) as error:
        raise BadRequest(
            f"The folder is {path[:200]!r}; its whole path was expected, such as '/home/ann/stable-diffusion-webui'."
        ) from error
    if folder == Path(folder.anchor):
        raise BadRequest(f"{str(folder)!r} is a whole disk. Name the folder in which models lie.")
    if folder.is_file():
        raise BadRequest(f"{str(folder)!r} is a file. Name the folder that it lies in.")
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError as error:
        raise BadRequest(f"There is no folder {str(folder)!r} on this computer. See how it is spelt.") from error  # fmt: skip
    except OSError as error:
        raise BadRequest(f"{str(folder)!r} cannot be read: {error.strerror or error}. See to its permissions.") from error  # fmt: skip
    return folder
