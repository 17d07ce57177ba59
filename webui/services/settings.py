"""Preferences of the page, kept on the server so that any browser finds them."""

from __future__ import annotations

import json

from pydantic import JsonValue
from sqlalchemy import Engine, delete, insert, select

from webui.contracts.errors import BadRequest
from webui.services.database import reading, writing
from webui.services.tables import SETTINGS

MAX_VALUE_CHARACTERS = 1_000_000


class SettingsStore:
    """JSON values by key. Nothing in here changes a picture: a request says everything."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def get(self, key: str, default: JsonValue = None) -> JsonValue:
        """The value last put under this key."""
        with reading(self._database) as connection:
            text = connection.scalar(select(SETTINGS.c.value).where(SETTINGS.c.key == key))
        if text is None:
            return default
        value: JsonValue = json.loads(text)
        return value

    def put(self, key: str, value: JsonValue) -> None:
        """Keep a value; it is on disk when this returns.

        Raises:
            BadRequest: the key or the value is too long.
        """
        text = json.dumps(value)
        if not 0 < len(key) <= 200:
            raise BadRequest(
                f"The setting's key {key[:50]!r} has {len(key)} characters; 1 to 200 are allowed."
            )
        if len(text) > MAX_VALUE_CHARACTERS:
            raise BadRequest(
                f"The setting {key!r} has {len(text)} characters; at most {MAX_VALUE_CHARACTERS} are kept."
            )
        with writing(self._database) as connection:
            connection.execute(delete(SETTINGS).where(SETTINGS.c.key == key))
            connection.execute(insert(SETTINGS).values(key=key, value=text))
