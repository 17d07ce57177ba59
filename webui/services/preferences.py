"""The settings of a studio: read by its services, changed in the settings tab, kept over restarts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from pydantic import JsonValue, ValidationError

from webui.contracts.errors import FieldProblem, InvalidField, NotAllowed, NotFound
from webui.contracts.preferences import SETTINGS, Preferences
from webui.services.files import write_file
from webui.services.picture_places import PARTIAL
from webui.services.settings import SettingsStore

KEY = "preferences"
_log = logging.getLogger(__name__)


class PreferenceService:
    """Holds the settings in memory; a change is on disk before it is obeyed. Any thread may ask."""

    def __init__(
        self, store: SettingsStore, refusal: str | None = None, program: Collection[Path] = ()
    ) -> None:
        """With a refusal, which is a sentence, nothing can be changed.

        In the folders of `program` code, models and records lie, so no pictures and texts are written
        there but below `outputs` in one of them.
        """
        self._program = tuple(folder.resolve() for folder in program)
        self.refusal = refusal
        self.on_change: list[Callable[[Collection[str]], None]] = []
        """Told the names of the settings that are other than they were."""
        self.models: Callable[[], Collection[str]] = tuple
        """Ids of the models that there are."""
        self._store = store
        self._lock = threading.Lock()
        self._current = _fitting(store.get(KEY))

    def current(self) -> Preferences:
        """All settings as they are now."""
        return self._current

    def change(self, name: str, value: JsonValue) -> Preferences:
        """Set one; on disk when this returns.

        Raises:
            NotAllowed: nothing may be changed here.
            NotFound: there is no such setting.
            InvalidField: the value is none for it; nothing was changed.
        """
        self._check(name)
        if name == "default_model" and value != "" and value not in self.models():
            known = ", ".join(list(self.models())[:5]) or "none is installed"
            raise InvalidField([FieldProblem(name, f"{value!r:.100}", f"'' or a model: {known}")])
        if name == "outputs_folder" and isinstance(value, str):
            value = self._usable_folder(value)
        return self._become({**self._said(), name: value})

    def reset(self, name: str) -> Preferences:
        """Let one be as usual again.

        Raises:
            NotAllowed: nothing may be changed here.
            NotFound: there is no such setting.
        """
        self._check(name)
        return self._become({key: value for key, value in self._said().items() if key != name})

    def _check(self, name: str) -> None:
        if self.refusal is not None:
            raise NotAllowed(self.refusal)
        if name not in Preferences.model_fields:
            raise NotFound("setting", name)

    def _usable_folder(self, folder: str) -> str:
        """The folder without links, made if need be; pictures can be written there."""
        try:
            fitting = Preferences(outputs_folder=folder).outputs_folder
        except ValidationError as error:
            raise InvalidField([_problem(dict(e)) for e in error.errors()]) from error
        if not fitting:
            return ""
        real = Path(fitting).resolve()
        for own in self._program:
            if real.is_relative_to(own) and not real.is_relative_to(own / "outputs"):
                expected = f"a folder outside of Easel's own {str(own)!r}, or below its outputs"
                raise InvalidField([FieldProblem("outputs_folder", f"{folder!r:.200}", expected)])
        try:
            write_file(real / PARTIAL / ".probe", b"", partial=real / PARTIAL)
            (real / PARTIAL / ".probe").unlink()
        except OSError as error:
            expected = (
                f"a folder that Easel may write in ({error.strerror or type(error).__name__})"
            )
            raise InvalidField(
                [FieldProblem("outputs_folder", f"{folder!r:.200}", expected)]
            ) from error
        return str(real)

    def _said(self) -> dict[str, JsonValue]:
        return self._current.model_dump(mode="json", exclude_unset=True)

    def _become(self, values: dict[str, JsonValue]) -> Preferences:
        try:
            wanted = Preferences.model_validate(values, strict=False)
        except ValidationError as error:
            raise InvalidField([_problem(dict(e)) for e in error.errors()]) from error
        with self._lock:
            before = self._current
            self._store.put(KEY, wanted.model_dump(mode="json", exclude_unset=True))
            self._current = wanted
        other = [s.name for s in SETTINGS if getattr(before, s.name) != getattr(wanted, s.name)]
        for told in self.on_change if other else ():
            told(other)
        return wanted


def _fitting(kept: JsonValue) -> Preferences:
    """What is kept and fits; the rest, of another version perhaps, is as usual."""
    values = kept if isinstance(kept, dict) else {}
    fitting: dict[str, JsonValue] = {}
    for name, value in values.items():
        try:
            Preferences.model_validate({name: value})
        except ValidationError:
            _log.warning(
                "The kept setting %r is %.100r, which does not fit it; it is as usual.", name, value
            )
        else:
            fitting[name] = value
    return Preferences.model_validate(fitting)


def _problem(error: dict[str, object]) -> FieldProblem:
    """What is wrong with a value, in our words."""
    name = str(error["loc"][0]) if isinstance(error["loc"], tuple) and error["loc"] else "setting"
    declared = next((s for s in SETTINGS if s.name == name), None)
    shown = f"{error['input']!r:.100}"
    if error["type"] in ("greater_than_equal", "less_than_equal") and declared is not None:
        return FieldProblem(name, shown, f"a number from {declared.low:g} to {declared.high:g}")
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return FieldProblem(name, shown, message[:1].lower() + message[1:])
