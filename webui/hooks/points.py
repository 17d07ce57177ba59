"""How an extension point is declared: `specs.py` has them all."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pluggy

PROJECT = "easel"
OWN = "easel."
"""Before the names of what the program itself registers."""
PLAIN = "a plain function was expected. Write it with 'def', and call asyncio.run(...) in it where it has to wait."
"""What a hook has to be."""
KINDS = ("collect", "decide", "change", "wrap", "observe")

hookimpl = pluggy.HookimplMarker(PROJECT)
_hookspec = pluggy.HookspecMarker(PROJECT)
_Function = TypeVar("_Function", bound=Callable[..., object])


@dataclass(frozen=True)
class Point:
    """An extension point."""

    kind: str
    process: str
    """'studio' or 'worker': the process that calls it, and the module that it stands in."""


DECLARED: dict[str, Point] = {}
"""By name; filled by `specs_studio.py` and `specs_worker.py`, and named one by one in `specs.py`."""

FACTS = ("When", "Where", "Changes", "Error")
"""What the docstring of each point says, a paragraph's line each."""
_FACT = re.compile(rf"^({'|'.join(FACTS)}): (.+(?:\n {{4}}.+)*)", re.MULTILINE)


def point(kind: str, process: str) -> Callable[[_Function], _Function]:
    """Mark the signature of an extension point."""

    def mark(function: _Function) -> _Function:
        DECLARED[function.__name__] = Point(kind, process)
        return _hookspec(function)

    return mark


def facts_of(function: Callable[..., object]) -> dict[str, str]:
    """The facts that the docstring of a point says, by `FACTS`, each on one line."""
    said = _FACT.findall(inspect.getdoc(function) or "")
    return {name: " ".join(text.split()) for name, text in said}


def text_of(function: Callable[..., object]) -> str:
    """What the docstring of a point says beside its facts."""
    return _FACT.sub("", inspect.getdoc(function) or "").strip()
