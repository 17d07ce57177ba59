"""Imports an extension's modules under names of their own, and takes them out again.

The folder of the extension `name` is the package `easel_extensions.name`, whatever else is installed
under that name, so that extensions import their own modules relatively: `from .arguments import ...`.

An import that never ends keeps the locks of its modules' names, for no thread can be stopped. Until its files
change it is refused at once, and then it is another package: `easel_extensions.name-2`.
"""

from __future__ import annotations

import importlib
import sys
import threading
import traceback
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import BaseModel

from webui.contracts.errors import BadExtension
from webui.contracts.extension import Manifest
from webui.hooks.installers import InstallerRefused, installers_refused, packages_unchanged

NAMESPACE = "easel_extensions"
IMPORT_SECONDS = 30.0
"""How long an extension's import may take; one that takes longer is left behind."""

_T = TypeVar("_T")
_waited_for: ContextVar[bool] = ContextVar("waited_for", default=False)


class ExtensionBroke(BadExtension):
    """An extension's own code raised an error while it was loaded."""

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


class NeverEnded(ExtensionBroke):
    """An extension's own code has not come back in time; its thread goes on."""

    def __init__(self, seconds: float, thread: threading.Thread, act: Callable[[], object]) -> None:
        super().__init__(f"It did not come to an end within {seconds:g} s.")
        self.thread, self.act = thread, act


@dataclass(frozen=True)
class _Stuck:
    """An import that has not come back."""

    thread: threading.Thread
    files: tuple[tuple[str, int, int], ...]
    """What was imported: path, time and size of each file."""


class _Namespace(ModuleType):
    """The package of all extensions; it goes with `sys.modules`, whose locks are what it is about."""

    def __init__(self) -> None:
        super().__init__(NAMESPACE)
        self.__path__: list[str] = []
        self.stuck: dict[str, list[_Stuck]] = {}
        """By extension, the latest last."""
        self.aside: dict[str, set[str]] = {}
        """By extension, packages of earlier loads that pictures still go by."""
        self.numbers: dict[str, int] = {}
        """By extension, how many packages were left to others."""


def load_module(manifest: Manifest, process: str, seconds: float | None = None) -> ModuleType:
    """Import the module of a process: `studio` or `worker`, in IMPORT_SECONDS where nothing else is said.

    Raises:
        ExtensionBroke: it raised an error, did not come to an end, or changed other modules;
            it was taken out again.
        InstallerRefused: it called an installer, or changed the installed packages; as above.
    """
    return _loaded(manifest, lambda: _import(manifest, process), seconds)


def load_arguments(manifest: Manifest, seconds: float | None = None) -> type[BaseModel] | None:
    """Import the model of an extension's arguments; None where it has none.

    Raises:
        ExtensionBroke: as `load_module`, or it is no pydantic model.
        InstallerRefused: as `load_module`.
    """
    if manifest.arguments is None:
        return None
    module_name, _, model_name = manifest.arguments.partition(":")
    module = _loaded(manifest, lambda: _import(manifest, module_name), seconds)
    model = getattr(module, model_name, None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ExtensionBroke(
            f"{manifest.arguments} of the extension {manifest.name!r} is {model!r:.100}; a class "
            "derived from pydantic.BaseModel was expected."
        )
    return model


def unload(name: str) -> None:
    """Forget an extension's modules, but those set aside; nothing happens where there are none."""
    for package in {f"{NAMESPACE}.{name}", _package_name(name)} - _namespace().aside.get(
        name, set()
    ):
        _drop(package)


def set_aside(name: str) -> Callable[[], None]:
    """Leave an extension's modules, under their own name, to those that still run them: the next load has another.

    What is given back forgets them.
    """
    package, names = _package_name(name), _namespace()
    names.aside.setdefault(name, set()).add(package)
    names.numbers[name] = names.numbers.get(name, 0) + 1

    def forget() -> None:
        names.aside[name].discard(package)
        _drop(package)

    return forget


def _drop(package: str) -> None:
    # A copy: other threads import meanwhile.
    for module in [m for m in list(sys.modules) if m == package or m.startswith(package + ".")]:
        sys.modules.pop(module, None)


def _loaded(manifest: Manifest, load: Callable[[], _T], seconds: float | None) -> _T:
    _refuse_stuck(manifest)
    time = IMPORT_SECONDS if seconds is None else seconds
    try:
        with packages_unchanged(manifest.name):
            return guarded(manifest.name, lambda: within(time, load))
    except BaseException as error:
        unload(manifest.name)
        if isinstance(error, NeverEnded):
            remember_stuck(manifest, error.thread)
        told = isinstance(error, (ExtensionBroke, InstallerRefused))
        if told or not isinstance(error, (Exception, SystemExit)):
            raise
        raise ExtensionBroke(
            f"The extension {manifest.name!r} could not be loaded: {type(error).__name__}: {error}{_hint(manifest, error)}",
            "".join(traceback.format_exception(error)),
        ) from error


def _hint(manifest: Manifest, error: BaseException) -> str:
    """What to do about a neighbour that was imported as if it were installed; empty for any other error."""
    first = (error.name or "").split(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    is_neighbour = first and any(
        (manifest.folder / each).exists() for each in (f"{first}.py", first)
    )
    return f". It lies beside this module: from .{first} import ..." if is_neighbour else ""


def guarded(name: str, act: Callable[[], _T]) -> _T:
    """What `act` gives, a call into an extension's code that must leave the program's modules and packages alone.

    Raises:
        InstallerRefused: it called an installer.
        ExtensionBroke: it replaced or removed some; they were put back, and its own taken out.
        BaseException: what it raised.
    """
    whole = {each: module for each, module in sys.modules.copy().items() if _is_whole(module)}
    # Another thread's import may have come to its end since the copy, with another module in its place.
    before = {each: module for each, module in whole.items() if sys.modules.get(each) is module}
    try:
        with installers_refused(name):
            return act()
    finally:
        _put_back(name, before)


def remember_stuck(manifest: Manifest, thread: threading.Thread) -> None:
    """Have an extension refused at once for as long as a call of it goes on in a thread and its files are the same."""
    stuck, names = _Stuck(thread, _files_of(manifest)), _namespace()
    names.stuck.setdefault(manifest.name, []).append(stuck)
    names.numbers[manifest.name] = names.numbers.get(manifest.name, 0) + 1


def _refuse_stuck(manifest: Manifest) -> None:
    """Nobody waits twice for the same code.

    Raises:
        ExtensionBroke: it was loaded before as it is now, and that still goes on.
    """
    stuck = _namespace().stuck.get(manifest.name)
    if stuck and stuck[-1].thread.is_alive() and stuck[-1].files == _files_of(manifest):
        raise ExtensionBroke(
            f"The extension {manifest.name!r} could not be loaded: an earlier call of it still goes on, and its files "
            "are the same since. Repair it, or start Easel anew."
        )


def _files_of(manifest: Manifest) -> tuple[tuple[str, int, int], ...]:
    stats = [(str(file), file.stat()) for file in sorted(manifest.folder.rglob("*.py"))]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _namespace() -> _Namespace:
    there = sys.modules.get(NAMESPACE)
    if not isinstance(there, _Namespace):
        sys.modules[NAMESPACE] = there = _Namespace()
    return there


def _package_name(name: str) -> str:
    """Of an extension's package: another than those whose locks an import still holds, or that are set aside."""
    left = _namespace().numbers.get(name, 0)
    return f"{NAMESPACE}.{name}" + (f"-{left + 1}" if left else "")


def _is_whole(module: ModuleType) -> bool:
    """Whether no other thread is importing it just now: one that is may put another in its place."""
    spec = getattr(module, "__spec__", None)
    return not getattr(spec, "_initializing", False)  # what the import system itself goes by


def _put_back(name: str, before: dict[str, ModuleType]) -> None:
    """Undo what an import did to modules that were there before it.

    Raises:
        ExtensionBroke: it did something to them.
    """
    touched = sorted(
        module for module, was in before.items()
        if sys.modules.get(module) is not was and not module.startswith(NAMESPACE)
    )  # fmt: skip
    if touched:
        sys.modules.update({module: before[module] for module in touched})
        unload(name)
        raise ExtensionBroke(
            f"The extension {name!r} replaced or removed modules of the program ({', '.join(touched[:5])}); "
            "they were put back, and it is not used."
        )


def _import(manifest: Manifest, module: str) -> ModuleType:
    package = _package_name(manifest.name)
    there = sys.modules.get(package)
    if there is not None and list(there.__path__) != [str(manifest.folder)]:
        unload(manifest.name)  # of another folder
    if package not in sys.modules:
        sys.modules[package] = _package(package, manifest.folder)
    importlib.invalidate_caches()
    return importlib.import_module(f"{package}.{module}")


def _package(name: str, folder: Path) -> ModuleType:
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    return package


def within(seconds: float, act: Callable[[], _T]) -> _T:
    """What `act` gives, done in a thread of its own in this context, which is left behind when it does not end.

    Raises:
        NeverEnded: it did not end in time.
        BaseException: what it raised.
    """
    done: list[_T] = []
    raised: list[BaseException] = []

    def run() -> None:
        _waited_for.set(True)
        try:
            done.append(act())
        except BaseException as error:  # noqa: BLE001 - handed on to the thread that waits
            raised.append(error)

    thread = threading.Thread(
        target=copy_context().run, args=(run,), name="extension-call", daemon=True
    )
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not done:
        raise NeverEnded(seconds, thread, act)
    return done[0]


def is_waited_for() -> bool:
    """Whether what is done here is done by `within`, so that somebody's time for it runs already."""
    return _waited_for.get()
