"""Calls extensions one by one, so that one that fails is named and the others go on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pluggy

from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.errors import HookFailed
from webui.contracts.events import Event, JobChanged
from webui.contracts.job import Job
from webui.hooks import specs

MAX_FAILURES = 100

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


@dataclass(frozen=True)
class HookFailure:
    """An error in an extension, for the page that lists them."""

    extension: str
    """Name that it was registered under."""
    hook: str
    """Name of the extension point."""
    message: str
    """The error's class and text."""


class HookHost:
    """The registered extensions and the calls to them. Made in `app.py`, handed to services."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(specs.PROJECT)
        self._manager.add_hookspecs(specs)
        self._lock = threading.Lock()
        self._failures: list[HookFailure] = []

    def register(self, extension: object, name: str) -> None:
        """Add an extension: a module or an object with functions marked `hookimpl`.

        Raises:
            HookFailed: it does not fit the extension points; nothing was added.
        """
        try:
            self._manager.register(extension, name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.is_registered(extension) and self._manager.get_name(extension) == name:
                self._manager.unregister(extension)
            raise HookFailed(f"The extension {name!r} cannot be used: {error}") from error

    def extensions(self) -> tuple[str, ...]:
        """Names, in order of registration."""
        return tuple(
            name for name, plugin in self._manager.list_name_plugin() if plugin is not None
        )

    def failures(self) -> tuple[HookFailure, ...]:
        """The latest errors, oldest first."""
        with self._lock:
            return tuple(self._failures)

    def picture_metadata(self, draft: PictureDraft) -> tuple[TextChunk, ...]:
        """Collect the texts for a picture's file; the first of each keyword."""
        chunks: dict[str, TextChunk] = {}
        for given in self._ask_all("picture_metadata", _chunks, draft=draft):
            for chunk in given:
                chunks.setdefault(chunk.keyword, chunk)
        return tuple(chunks.values())

    def picture_file_name(self, draft: PictureDraft) -> str:
        """Ask for a file name, the latest registered extension first.

        Raises:
            HookFailed: an extension failed, or none gave a name.
        """
        for implementation in reversed(self._implementations("picture_file_name")):
            try:
                name = _call(implementation, {"draft": draft})
            except Exception as error:
                self._note(implementation, "picture_file_name", error)
                raise HookFailed(
                    f"The extension {implementation.plugin_name!r} failed when it had to name the picture's file: "
                    f"{error}. Repair or remove it and generate again."
                ) from error
            if name is not None:
                return str(name)
        raise HookFailed("No extension gave a name for the picture's file.")

    def job_changed(self, job: Job) -> None:
        """Tell every extension of a changed job."""
        self._ask_all("job_changed", lambda _: None, job=job)

    def observe(self, event: Event) -> None:
        """A listener for the event bus: passes events on to the hooks that hear them."""
        if isinstance(event, JobChanged):
            self.job_changed(event.job)

    def _ask_all(self, hook: str, checked: Callable[[Any], _T], **arguments: Any) -> list[_T]:
        """Ask each implementation; one that fails, or gives what `checked` refuses, is left out."""
        answers = []
        for implementation in self._implementations(hook):
            try:
                answers.append(checked(_call(implementation, arguments)))
            except Exception as error:  # noqa: BLE001 - the border of the hook host
                self._note(implementation, hook, error)
        return answers

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return caller.get_hookimpls()

    def _note(self, implementation: pluggy.HookImpl, hook: str, error: Exception) -> None:
        name = implementation.plugin_name
        _log.exception("The extension %r failed in %s.", name, hook, exc_info=error)
        with self._lock:
            self._failures.append(HookFailure(name, hook, f"{type(error).__name__}: {error}"))
            del self._failures[:-MAX_FAILURES]


def _call(implementation: pluggy.HookImpl, arguments: dict[str, Any]) -> Any:
    """Call one implementation with the arguments that it takes."""
    return implementation.function(*(arguments[name] for name in implementation.argnames))


def _chunks(given: Any) -> tuple[TextChunk, ...]:
    """Texts as PNG can hold them.

    Raises:
        TypeError: something else was given.
        ValueError: a keyword is empty, too long, or not Latin-1.
    """
    chunks = tuple(given or ())
    for chunk in chunks:
        if not isinstance(chunk, TextChunk):
            raise TypeError(f"{chunk!r} was given; a TextChunk was expected.")
        if not 0 < len(chunk.keyword.encode("latin-1")) < 80:
            raise ValueError(f"The keyword {chunk.keyword!r} has not 1 to 79 characters.")
    return chunks
