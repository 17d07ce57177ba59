"""What a request may say to an extension: a typed model, and what its fields look like in a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from webui.contracts.errors import BadExtension, FieldProblem, InvalidField
from webui.contracts.extension import Manifest


@dataclass(frozen=True)
class ArgumentField:
    """One argument, as a form, an axis of a plot and the documentation need it."""

    name: str
    title: str
    help: str
    default: JsonValue
    kind: str
    """'bool', 'int', 'float', 'text' or 'choice'."""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arguments:
    """The arguments of one extension."""

    place: str
    """Where they stand, for sentences: 'extensions.book' in a request."""
    title: str
    help: str
    model: type[BaseModel]
    fields: tuple[ArgumentField, ...]

    def parsed(self, values: Mapping[str, JsonValue]) -> BaseModel:
        """The arguments of a request, checked.

        Raises:
            InvalidField: names each wrong one as '<place>.<argument>'.
        """
        known = [field.name for field in self.fields]
        unknown = [name for name in values if name not in known]
        if unknown:
            place = f"{self.place}.{unknown[0]}"
            said = f"no such argument; known are {', '.join(known) or 'none'}"
            raise InvalidField([FieldProblem(place, f"{values[unknown[0]]!r:.100}", said)])
        try:
            return self.model.model_validate(dict(values))
        except ValidationError as error:
            raise InvalidField([_problem(self.place, e) for e in error.errors()]) from error


def arguments_of(manifest: Manifest, model: type[BaseModel], place: str = "") -> Arguments:
    """The arguments that a model declares; `place` is that of a request's where it is empty.

    Raises:
        BadExtension: a field has no default, or is of a kind that no control shows.
    """
    return Arguments(
        place or f"extensions.{manifest.name}",
        manifest.title or manifest.name,
        manifest.summary,
        model,
        tuple(_field(manifest, name, info) for name, info in model.model_fields.items()),
    )


def _field(manifest: Manifest, name: str, info: FieldInfo) -> ArgumentField:
    where = f"The argument {name!r} of the extension {manifest.name!r}"
    if info.default is PydanticUndefined:
        raise BadExtension(f"{where} has no default; each needs one, for a form begins with it.")
    choices = _choices(info.annotation)
    kinds: dict[Any, str] = {bool: "bool", int: "int", float: "float", str: "text"}
    kind = "choice" if choices else kinds.get(info.annotation)
    if kind is None:
        raise BadExtension(
            f"{where} is a {info.annotation}; bool, int, float, str, a Literal of texts or an Enum of "
            "texts was expected."
        )
    low, high = _limits(info)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    step = extra.get("step")
    default = info.default.value if isinstance(info.default, Enum) else info.default
    return ArgumentField(
        name, info.title or name.replace("_", " ").capitalize(), info.description or "", default, kind,
        low, high, float(step) if isinstance(step, (int, float)) else None, choices,
    )  # fmt: skip


# Any: what a type annotation is, has no type.
def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal and all(isinstance(c, str) for c in get_args(annotation)):
        return get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(member.value) for member in annotation)
    return ()


def _limits(info: FieldInfo) -> tuple[float | None, float | None]:
    low = high = None
    for m in info.metadata:
        low = getattr(m, "ge", getattr(m, "gt", low))
        high = getattr(m, "le", getattr(m, "lt", high))
    return low, high


def _problem(place: str, error: Mapping[str, Any]) -> FieldProblem:
    """In pydantic's words, as the fields are not ours."""
    named = ".".join((place, *(str(part) for part in error["loc"])))
    message = str(error["msg"])
    expected = message.removeprefix("Input should be ").removeprefix("Value error, ")
    return FieldProblem(named, f"{error['input']!r:.100}", expected[:1].lower() + expected[1:])
