"""What a model of arguments says of its fields, and what is refused."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from webui.contracts.errors import BadExtension, InvalidField
from webui.contracts.extension import Manifest
from webui.hooks.arguments import arguments_of

MANIFEST = Manifest("book", "1.0", ">=1", Path(), title="Book")


class Shape(str, Enum):
    ROUND = "round"
    SQUARE = "square"


class Model(BaseModel):
    on: bool = True
    strength: float = Field(0.5, ge=0, le=2, title="How strong", description="More is more.")
    count: int = Field(3, ge=1)
    words: str = ""
    way: Literal["up", "down"] = "up"
    shape: Shape = Shape.SQUARE


def test_each_field_says_what_its_control_is() -> None:
    fields = {field.name: field for field in arguments_of(MANIFEST, Model).fields}
    assert {name: field.kind for name, field in fields.items()} == {
        "on": "bool", "strength": "float", "count": "int", "words": "text", "way": "choice", "shape": "choice",
    }  # fmt: skip
    strength, shape = fields["strength"], fields["shape"]
    assert (strength.title, strength.help) == ("How strong", "More is more.")
    assert (strength.low, strength.high, strength.default) == (0, 2, 0.5)
    assert (fields["count"].low, fields["count"].high, fields["count"].title) == (1, None, "Count")
    assert (shape.choices, shape.default) == (("round", "square"), "square")


def test_what_a_request_says_is_checked_by_name() -> None:
    arguments = arguments_of(MANIFEST, Model)
    parsed = arguments.parsed({"strength": 1, "shape": "round"})
    assert parsed == Model(strength=1, shape=Shape.ROUND)
    with pytest.raises(InvalidField) as caught:
        arguments.parsed({"strength": 3, "way": "left"})
    assert [str(problem) for problem in caught.value.problems] == [
        "extensions.book.strength is 3, expected less than or equal to 2.",
        "extensions.book.way is 'left', expected 'up' or 'down'.",
    ]


def test_a_field_without_a_default_or_of_another_kind_is_refused() -> None:
    class Open(BaseModel):
        size: int

    class Nested(BaseModel):
        inner: Model = Model()

    with pytest.raises(BadExtension, match="'size' of the extension 'book' has no default"):
        arguments_of(MANIFEST, Open)
    with pytest.raises(BadExtension, match="bool, int, float, str"):
        arguments_of(MANIFEST, Nested)
