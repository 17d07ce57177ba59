"""Which square brackets of a prompt belong together, and where their parts are separated: in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Bracket:
    """A pair of square brackets."""

    close: int
    """Place of the closing one."""
    bars: list[int] = field(default_factory=list)
    """Places of | that stand in no bracket further inside, round ones included."""
    colons: list[int] = field(default_factory=list)
    """The same of :."""


def square_brackets(text: str) -> Mapping[int, Bracket]:
    """Pairs by the place of the opening bracket; one without a partner is not there."""
    found: dict[int, Bracket] = {}
    opened: list[tuple[str, int, Bracket]] = []
    squares = i = 0
    while i < len(text):
        letter = text[i]
        if letter == "\\":
            i += 1
        elif letter in "([":
            opened.append((letter, i, Bracket(-1)))
            squares += letter == "["
        elif letter == ")" and opened and opened[-1][0] == "(":
            opened.pop()
        elif letter == "]" and squares:
            while opened[-1][0] == "(":  # never closed
                opened.pop()
            _, start, bracket = opened.pop()
            bracket.close = i
            found[start] = bracket
            squares -= 1
        elif letter in "|:" and opened:
            inside = opened[-1][2]
            (inside.bars if letter == "|" else inside.colons).append(i)
        i += 1
    return found
