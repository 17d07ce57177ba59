"""Weights in a prompt: (more), [less], (exactly:1.3), as AUTOMATIC1111 reads them.

Parsing never fails: what is no weight is text. A backslash makes the bracket after it text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MORE, LESS = 1.1, 1 / 1.1
"""What a pair of round or square brackets multiplies by."""

_PIECE = re.compile(
    r"""
      \\[\\()\[\]]                          # an escaped bracket or backslash
    | :\s*(?P<weight>[+-]?[.\d]+)\s*\)      # closes a round bracket with a weight
    | [()\[\]]
    | [^\\()\[\]:]+
    | .                                     # a lone backslash or colon
    """,
    re.VERBOSE | re.DOTALL,
)
_BREAK = re.compile(r"\bBREAK\b")


@dataclass(frozen=True)
class Weighted:
    """A run of text of one weight."""

    text: str
    weight: float = 1.0
    breaks: bool = False
    """Whether the text ends here with the present row of tokens (the word BREAK); it is then empty."""


def parse_attention(prompt: str) -> tuple[Weighted, ...]:
    """Runs of equal weight, in order; at least one."""
    pieces = list(_PIECE.finditer(prompt))
    pairs = _pairs(pieces)
    closing = {end for end, _ in pairs.values()}
    open_: list[_Open] = []
    runs: list[Weighted] = []
    for place, piece in enumerate(pieces):
        weight = open_[-1].weight if open_ else 1.0
        if place in pairs:
            end, factor = pairs[place]
            open_.append(_Open(end, factor, weight * factor))
        elif place in closing:
            _close(open_, place)
        elif piece[0][0] == "\\" and len(piece[0]) == 2:
            runs.append(Weighted(piece[0][1], weight))
        else:
            runs.extend(_broken(piece[0], weight))
    return tuple(_merged(runs)) or (Weighted(""),)


def print_attention(runs: Sequence[Weighted]) -> str:
    """A prompt that is read as these runs."""
    return "".join(" BREAK " if run.breaks else _printed(run) for run in runs)


def _printed(run: Weighted) -> str:
    text = re.sub(r"([\\()\[\]])", r"\\\1", run.text)
    return text if run.weight == 1 else f"({text}:{_decimal(run.weight)})"


def _decimal(weight: float) -> str:
    """Digits and a point only, which is all that a weight may be written in."""
    return f"{weight:.17f}".rstrip("0").rstrip(".")


def _number(text: str | None) -> float | None:
    """A weight; None where there is none, or where it is no number (1.2.3)."""
    try:
        return None if text is None or not math.isfinite(float(text)) else float(text)
    except ValueError:
        return None


@dataclass
class _Open:
    """A bracket around the present place."""

    end: int
    """Where it closes."""
    factor: float
    weight: float
    """With those of the brackets around it."""


def _pairs(pieces: Sequence[re.Match[str]]) -> dict[int, tuple[int, float]]:
    """Of each opening bracket: where it closes, and what it multiplies by."""
    pairs: dict[int, tuple[int, float]] = {}
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for place, piece in enumerate(pieces):
        found, weight = piece[0], _number(piece["weight"])
        if found in opened:
            opened[found].append(place)
        elif (found == ")" or weight is not None) and opened["("]:
            pairs[opened["("].pop()] = (place, MORE if weight is None else weight)
        elif found == "]" and opened["["]:
            pairs[opened["["].pop()] = (place, LESS)
    for bracket, factor in (("(", MORE), ("[", LESS)):  # left open, it holds to the end
        pairs |= {place: (len(pieces), factor) for place in opened[bracket]}
    return pairs


def _close(open_: list[_Open], place: int) -> None:
    """Leave the bracket that closes here, mostly the innermost; those that cross it stay."""
    at = next(i for i in reversed(range(len(open_))) if open_[i].end == place)
    del open_[at]
    for i in range(at, len(open_)):
        open_[i].weight = open_[i].factor * (open_[i - 1].weight if i else 1.0)


def _broken(text: str, weight: float) -> Iterator[Weighted]:
    """The text, with a break wherever the word stands, which takes the space around it along."""
    first, *others = _BREAK.split(text)
    for i, part in enumerate([first, *others]):
        if i > 0:
            yield Weighted("", breaks=True)
            part = part.lstrip()
        if i < len(others):
            part = part.rstrip()
        if part:
            yield Weighted(part, weight)


def _merged(runs: Sequence[Weighted]) -> Iterator[Weighted]:
    """Neighbours of one weight as one run."""
    last: Weighted | None = None
    for run in runs:
        if last is not None and not (last.breaks or run.breaks) and last.weight == run.weight:
            last = Weighted(last.text + run.text, run.weight)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last
