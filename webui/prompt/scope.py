"""What names stand for at one place of a prompt, and through which wildcards one came there."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from webui.contracts.errors import BadRequest, UnknownVariable
from webui.prompt.nodes import Node, Variable

MAX_NESTING = 20
"""Wildcards and variables inside one another."""


@dataclass(frozen=True)
class _Bound:
    nodes: Sequence[Node]
    before: _Bound | None
    """What the name stood for until then."""


@dataclass(frozen=True)
class Scope:
    """Names and their values; an inner scope leaves the outer one as it is."""

    values: Mapping[str, _Bound] = field(default_factory=dict)
    trail: tuple[str, ...] = ()

    def knows(self, name: str) -> bool:
        """Whether the name has a value."""
        return name in self.values

    def bind(self, name: str, nodes: Sequence[Node]) -> Scope:
        """With a value for a name."""
        return replace(self, values={**self.values, name: _Bound(nodes, self.values.get(name))})

    def inside(self, step: str) -> Scope:
        """Within an entry of a wildcard, or a variable's value.

        Raises:
            BadRequest: that nests without end.
        """
        if len(self.trail) >= MAX_NESTING:
            way = " -> ".join(self.trail[-4:])
            raise BadRequest(
                f"Wildcards and variables nest more than {MAX_NESTING} deep (... {way} -> ...); do they "
                "name one another in a circle?"
            )
        return replace(self, trail=(*self.trail, step))

    def read(self, variable: Variable) -> tuple[Sequence[Node], Scope]:
        """A variable's value, and the scope to say it in.

        There the name stands for what it did before, so that a value can be made of the one that it
        replaces, and none can hold itself.

        Raises:
            UnknownVariable: nothing set it.
            BadRequest: variables nest without end.
        """
        bound = self.values.get(variable.name)
        within = self.inside(f"${{{variable.name}}}")
        if bound is not None:
            others = {name: held for name, held in self.values.items() if name != variable.name}
            before = {} if bound.before is None else {variable.name: bound.before}
            return bound.nodes, replace(within, values={**others, **before})
        if variable.otherwise is not None:
            return variable.otherwise, within
        near = difflib.get_close_matches(variable.name, list(self.values), n=3, cutoff=0.4)
        raise UnknownVariable(variable.name, near)
