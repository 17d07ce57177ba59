"""The settings of extensions, each in its own typed model, kept among the studio's preferences."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from pydantic import BaseModel, JsonValue

from webui.contracts.errors import InvalidField
from webui.hooks.arguments import Arguments
from webui.services.settings import SettingsStore

_log = logging.getLogger(__name__)


class ExtensionSettings:
    """Reads and writes them; what is on disk may be of another version of the extension."""

    def __init__(self, store: SettingsStore) -> None:
        self._store = store

    def read(self, name: str, declared: Arguments) -> BaseModel:
        """An extension's settings; what is kept and does not fit any more is as usual."""
        kept = self._store.get(_key(name))
        values = kept if isinstance(kept, dict) else {}
        known = {
            field.name: values[field.name] for field in declared.fields if field.name in values
        }
        fitting = {n: value for n, value in known.items() if _fits(declared, n, value)}
        if len(fitting) < len(values):
            _log.warning("Settings of the extension %r do not fit it and are as usual.", name)
        try:
            return declared.parsed(fitting)
        except InvalidField:  # each fits by itself, and not beside the others
            return declared.parsed({})

    def write(self, name: str, declared: Arguments, values: Mapping[str, JsonValue]) -> BaseModel:
        """Keep settings; on disk when this returns.

        Raises:
            InvalidField: one is wrong; nothing was changed.
        """
        parsed = declared.parsed(values)
        self._store.put(_key(name), parsed.model_dump(mode="json"))
        return parsed


def _key(name: str) -> str:
    return f"extension.{name}"


def _fits(declared: Arguments, name: str, value: JsonValue) -> bool:
    try:
        declared.parsed({name: value})
    except InvalidField:
        return False
    return True
