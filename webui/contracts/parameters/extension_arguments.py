"""What a request asks of extensions: their arguments, by extension and by name."""

from __future__ import annotations

import json
import re
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue, field_validator

from webui.contracts.parameters.declaration import Parameter

EXTENSION_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Of an extension: its folder, its part of a request, of an address and of a sampler's name."""
MAX_ARGUMENT_CHARACTERS = 20_000
OFFERED = re.compile(rf"({EXTENSION_NAME.pattern})/(.{{1,80}})")
"""A choice that an extension offers: 'midpoint/Midpoint'. No choice of Easel's own looks so."""


class ExtensionArguments(BaseModel):
    """The extensions that a picture is drawn with; those that are not named have no part in it."""

    extensions: Annotated[
        dict[str, dict[str, JsonValue]],
        Parameter(
            "Extensions",
            "Arguments of the extensions that take part, by their names; GET /api/v1/extensions lists both.",
            None,
        ),
    ] = Field({}, max_length=20)

    @field_validator("extensions")
    @classmethod
    def _named(cls, value: dict[str, dict[str, JsonValue]]) -> dict[str, dict[str, JsonValue]]:
        for name, arguments in value.items():
            if not EXTENSION_NAME.fullmatch(name):
                raise ValueError(f"names of a-z, 0-9 and _, of which {name[:50]!r} is none")
            if len(json.dumps(arguments)) > MAX_ARGUMENT_CHARACTERS:
                raise ValueError(f"at most {MAX_ARGUMENT_CHARACTERS} characters for {name!r}")
        return value


def offered_by(value: str) -> str | None:
    """The extension that a choice comes from; None for one of Easel's own."""
    found = OFFERED.fullmatch(value)
    return None if found is None else found[1]
