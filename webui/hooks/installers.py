"""Keeps an extension's code from changing the project's installed packages while it is imported or asked what it offers.

What an extension needs it names in `extension.toml`; that goes into a folder of its own. Calls of installers are
refused as they are made, by an audit hook; whatever gets past it is seen afterwards, by the packages that are there.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from webui.contracts.errors import BadExtension

INSTALLERS = frozenset({"pip", "uv", "ensurepip", "easy_install", "conda", "mamba", "micromamba"})
"""Programs and modules that install packages."""

_COMMAND_AT: Mapping[str, tuple[int, ...]] = {
    "subprocess.Popen": (0, 1),  # executable, args, cwd, env
    "os.system": (0,),  # command
    "os.exec": (0, 1),  # path, args, env
    "os.posix_spawn": (0, 1),  # path, argv, env
    "os.spawn": (1, 2),  # mode, path, args, env
    "import": (0,),  # module, filename, and three search paths
}
"""Audit events that start a program or import a module, and where their arguments say which."""

_SPLIT = re.compile(r"[^\w./\\+:-]+")
"""Between the words of a command, be it for a shell or code behind `-c`."""
_EDITION = re.compile(r"(-?\d+(\.\d+)*)?(\.exe)?$")
"""Behind an installer's name: `pip3.12`, `uv.exe`."""


class InstallerRefused(BadExtension):
    """An extension's code called an installer, or packages changed while it ran."""


@dataclass
class _Watch:
    """The code of an extension, which runs just now."""

    extension: str
    refusals: list[InstallerRefused] = field(default_factory=list)
    """Kept, for its code may catch them."""


_watch: ContextVar[_Watch | None] = ContextVar("watched_extension", default=None)
_installed = Lock()
"""Held for ever once the audit hook is there, for none can be taken out."""


@contextmanager
def installers_refused(extension: str) -> Generator[None]:
    """Refuse installers in this context, and in the threads that are given a copy of it.

    Raises:
        InstallerRefused: one was called; raised at the end again, where the extension caught it.
    """
    if _installed.acquire(blocking=False):
        sys.addaudithook(_audit)
    watch = _Watch(extension)
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)
        if watch.refusals:
            raise watch.refusals[0]


@contextmanager
def packages_unchanged(extension: str) -> Generator[None]:
    """See that the same packages are installed afterwards.

    Raises:
        InstallerRefused: they are not.
    """
    before = _packages()
    try:
        yield
    finally:
        after = _packages()
        if before != after:
            came, went = sorted(after - before), sorted(before - after)
            changes = [f"{name} came" for name in came] + [f"{name} went" for name in went]
            raise InstallerRefused(
                f"The installed packages changed while the extension {extension!r} was loaded ({', '.join(changes[:5])}), "
                "so it is not used. To have Easel's own again: delete "
                f"{Path(sys.prefix, 'easel-requirements.sha256')}, and start Easel by launch.py, which installs them."
            )


def _packages() -> frozenset[str]:
    """Names and versions, as the folders that describe them are called."""
    folders = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    return frozenset(
        name
        for folder in folders
        if folder.is_dir()
        for name in (each.name for each in folder.iterdir())
        if name.endswith((".dist-info", ".egg-info", ".egg-link"))
    )


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    """Called by the interpreter for every audited event of the process.

    Raises:
        InstallerRefused: an extension that is being loaded calls an installer.
    """
    places = _COMMAND_AT.get(event)
    if places is None or (watch := _watch.get()) is None:
        return
    for place in places:
        installer = _installer_in(arguments[place], is_module=event == "import")
        if installer is not None:
            refusal = InstallerRefused(
                f"The extension {watch.extension!r} called {installer} while it was loaded; that was refused, and it is "
                "not used. An extension names the packages that it needs as `needs` in its extension.toml."
            )
            watch.refusals.append(refusal)
            raise refusal


def _installer_in(command: object, is_module: bool) -> str | None:
    """The first installer that a command names: its words, one text, or a module's name."""
    if isinstance(command, (str, bytes, os.PathLike)):
        text = os.fsdecode(command)
        words = text.split(".")[:1] if is_module else [_last(w) for w in _SPLIT.split(text)]
        return next((word for word in words if _is_installer(word)), None)
    if isinstance(command, (list, tuple)):
        found = (_installer_in(word, is_module) for word in command)
        return next((name for name in found if name is not None), None)
    return None


def _last(path: str) -> str:
    """Of a path the name, for an environment may lie in a folder called conda; of a module the package."""
    return re.split(r"[/\\]", path)[-1].split("._")[0]


def _is_installer(word: str) -> bool:
    return word in INSTALLERS or _EDITION.sub("", word) in INSTALLERS
