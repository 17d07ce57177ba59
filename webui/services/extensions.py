"""The installed extensions: which there are, which are in use, and what is wrong with the others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, JsonValue

from webui.contracts.errors import BadRequest, EaselError, NotFound
from webui.contracts.extension import ExtensionStatus, HookFailure
from webui.contracts.messages import ExtensionFailed, UseExtensions
from webui.hooks.discovery import Found, find_extensions
from webui.hooks.loading import remember_stuck
from webui.hooks.offers import Offers
from webui.hooks.patience import Unreturned
from webui.hooks.reasons import reasons_against
from webui.hooks.studio import StudioExtensions
from webui.services.extension_settings import ExtensionSettings
from webui.services.extension_stamps import Stamp, glance_at, stamp_of
from webui.services.extension_state import ExtensionState

_log = logging.getLogger(__name__)


class ExtensionService:
    """Enables and disables extensions while the studio runs."""

    def __init__(
        self,
        folders: Sequence[Path],
        state: ExtensionState,
        studio: StudioExtensions,
        kept: ExtensionSettings,
        develop: bool = False,
    ) -> None:
        """Nothing is loaded before `start`.

        Args:
            folders: Searched for extensions, in order.
            state: Which are wanted.
            studio: Loads them into this process.
            kept: Their settings.
            develop: Whether `follow` loads one anew when any of its files was saved.
        """
        self.studio = studio
        studio.host.patience.on_endless = self._left_behind
        self._develop = develop
        self._stamps: dict[str, Stamp] = {}
        self._glance: Stamp = ()
        self._kept = kept
        self.state = state
        self.on_change: list[Callable[[], None]] = []
        """Told after extensions came or went: the worker and the page follow."""
        self._folders = tuple(folders)
        self._problems: dict[str, str] = {}
        self._lock = threading.RLock()

    def start(self) -> None:
        """Load those that are enabled; one that cannot be loaded is named, and the others are used."""
        with self._lock:
            found = {each.name: each for each in self._found()}
            for name in self.state.enabled():
                self._load(name, found.get(name))
            self.studio.settled.set()
        self.studio.started()

    def stop(self) -> None:
        """Tell those in use that the studio ends."""
        self.studio.stopped()
        self.studio.host.close()

    def statuses(self) -> tuple[ExtensionStatus, ...]:
        """All that are installed or wanted, by name; nobody waits for one that is just being loaded."""
        found = {each.name: each for each in self._found()}
        enabled = set(self.state.enabled())
        failures = self.studio.host.failures()
        return tuple(
            self._status(name, found.get(name), name in enabled, failures)
            for name in sorted({*found, *enabled})
        )

    def status(self, name: str) -> ExtensionStatus:
        """One of them.

        Raises:
            NotFound: there is none of this name.
        """
        for status in self.statuses():
            if status.name == name:
                return status
        raise NotFound("extension", name)

    def enable(self, name: str, wanted: bool = True) -> ExtensionStatus:
        """Use an extension, or no longer, at once and after the next start.

        Raises:
            NotFound: there is none of this name.
        """
        with self._lock:
            found = {each.name: each for each in self._found()}
            if wanted and name not in found:
                raise NotFound("extension", name)
            self.state.enable(name, wanted)
            if wanted:
                self._load(name, found[name])
                self.studio.started(only=name)
            else:
                self.studio.stopped(only=name)
                self._unload(name)
        self._changed()
        return (
            ExtensionStatus(name, None, False)
            if not wanted and name not in found
            else self.status(name)
        )

    def follow(self) -> bool:
        """Use what is wanted by now: somebody may have changed the file or the folders beside the studio.

        True when something came, went, or was loaded anew.
        """
        glance = glance_at(self.state.file, *self._folders)
        if glance == self._glance and not self._develop:
            return False
        with self._lock:
            self._glance = glance
            found = {each.name: each for each in self._found()}
            wanted = self.state.enabled()
            gone = [name for name in self._stamps if name not in wanted]
            new = [n for n in wanted if self._stamp(found.get(n)) != self._stamps.get(n)]
            for name in gone:
                self.studio.stopped(only=name)
                self._unload(name)
            for name in new:
                if name in self.studio.offers:
                    self.studio.stopped(only=name)
                self._load(name, found.get(name))
                self.studio.started(only=name)
        if gone or new:
            self._changed()
        return bool(gone or new)

    def _stamp(self, found: Found | None) -> Stamp:
        if found is None or found.manifest is None:
            return ()
        return stamp_of(found.manifest, self._develop)

    def settings(self, name: str) -> BaseModel | None:
        """The settings of an extension in use, as its own model; None where it has none.

        Raises:
            NotFound: none of this name is in use.
        """
        declared = self._offers(name).settings
        return None if declared is None else self._kept.read(name, declared)

    def put_settings(self, name: str, values: Mapping[str, JsonValue]) -> BaseModel:
        """Keep new settings of an extension in use; those that are not named are as usual.

        Raises:
            NotFound: none of this name is in use.
            BadRequest: it has no settings.
            InvalidField: one of them is wrong; nothing was changed.
        """
        declared = self._offers(name).settings
        if declared is None:
            raise BadRequest(f"The extension {name!r} has no settings.")
        return self._kept.write(name, declared, values)

    def _offers(self, name: str) -> Offers:
        offers = self.studio.offers.get(name)
        if offers is None:
            raise NotFound("extension in use", name)
        return offers

    def worker_command(self) -> UseExtensions:
        """What the worker is told: the extensions in use that have something for it."""
        found = {each.name: each.manifest for each in self._found()}
        used = [name for name in self.studio.offers if found.get(name) is not None]
        folders = {n: str(m.folder) for n in used if (m := found[n]) is not None}
        return UseExtensions(folders)

    def worker_failed(self, event: ExtensionFailed) -> None:
        """Keep what went wrong in the worker; one that did not come back there is switched off, with the reason."""
        told = event.extension, event.hook, event.message, event.trace, event.kind
        self.studio.host.log.add(HookFailure(*told, process="worker"))
        if event.kind == "endless":
            self._switch_off(event.extension, event.message)

    def _left_behind(self, error: Unreturned) -> None:
        """One that did not come back in the studio is switched off, too; the same code is not loaded as long as it runs."""
        offers = self.studio.offers.get(error.extension)
        self._switch_off(error.extension, str(error))
        if offers is not None:
            remember_stuck(offers.manifest, error.thread)

    def _switch_off(self, name: str, reason: str) -> None:
        with self._lock:
            if name not in self.studio.offers:
                return
            self.state.enable(name, False)
            self.studio.stopped(only=name)
            self._unload(name)
            self._problems[name] = reason
        self._changed()

    def _found(self) -> tuple[Found, ...]:
        return find_extensions(self._folders)

    def _load(self, name: str, found: Found | None) -> None:
        self._unload(name)
        self._stamps[name] = self._stamp(found)
        if found is None or found.manifest is None:
            self._problems[name] = (
                found.problem if found is not None else None
            ) or f"It is not there any more; looked in {', '.join(map(str, self._folders))}."
            return
        try:
            self.studio.load(found.manifest)
        except EaselError as error:
            self.studio.host.log.note(name, "import", error)
            self._problems[name] = str(error)

    def _unload(self, name: str) -> None:
        self._problems.pop(name, None)
        self._stamps.pop(name, None)
        self.studio.unload(name)

    def _status(
        self, name: str, found: Found | None, enabled: bool, failures: Sequence[HookFailure]
    ) -> ExtensionStatus:
        problem = self._problems.get(name) or (None if found is None else found.problem)
        problems: tuple[str, ...] = () if problem is None else (problem,)
        if not enabled and found is not None and found.manifest is not None:
            problems = problems or reasons_against(found.manifest, tuple(self.studio.offers))
        return ExtensionStatus(
            name,
            None if found is None else found.manifest,
            enabled,
            problems,
            tuple(failure for failure in failures if failure.extension == name),
            in_use=enabled and problem is None and name in self.studio.offers,
        )

    def _changed(self) -> None:
        for tell in self.on_change:
            try:
                tell()
            except Exception:  # noqa: BLE001 - the border; the extension is in use all the same
                _log.exception("A change of the extensions could not be followed.")
