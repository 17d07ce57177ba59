"""How an extension point is declared: `specs.py` has them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pluggy

PROJECT = "easel"
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


POINTS: dict[str, Point] = {}
"""By name, in the order of `specs.py`; filled by it alone."""


def point(kind: str, process: str) -> Callable[[_Function], _Function]:
    """Mark the signature of an extension point."""

    def mark(function: _Function) -> _Function:
        POINTS[function.__name__] = Point(kind, process)
        return _hookspec(function)

    return mark
