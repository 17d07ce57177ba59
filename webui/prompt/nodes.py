"""What a prompt with choices in it is made of, in the grammar of sd-dynamic-prompts."""

from __future__ import annotations

from dataclasses import dataclass

JOINER = ", "


@dataclass(frozen=True)
class Assignment:
    """A name for a piece of the prompt: ${name=...}, or name=... behind a wildcard."""

    name: str
    value: tuple[Node, ...]
    at_once: bool = False
    """Whether its choices are made once, where it stands (`=!`), and not at each reading."""
    gives_way: bool = False
    """Whether a value that the name has already stays (`?=`)."""


@dataclass(frozen=True)
class Variable:
    """What a name was set to: ${name}, or ${name:otherwise}."""

    name: str
    otherwise: tuple[Node, ...] | None = None
    """What it is where nothing set it; None: there has to be a value."""


@dataclass(frozen=True)
class Wildcard:
    """One entry of a wildcard."""

    name: tuple[str | Variable, ...]
    """Its pieces; text may hold / and *."""
    values: tuple[Assignment, ...] = ()
    """What its entries may read."""
    in_turn: bool = False


@dataclass(frozen=True)
class Call:
    """What a function says: ${name(...)}."""

    name: str
    arguments: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Option:
    """Something to choose, and how often against its neighbours."""

    nodes: tuple[Node, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Variants:
    """Some of several options."""

    options: tuple[Option, ...]
    low: int = 1
    high: int | None = 1
    """None: as many as there are."""
    joiner: str = JOINER
    in_turn: bool = False
    """Whether they are taken one after the other, and not by chance (`@`)."""


Node = str | Assignment | Variable | Wildcard | Call | Variants
