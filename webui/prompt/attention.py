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
_BREAK = re.compile(r"\s*\bBREAK\b\s*")


@dataclass(frozen=True)
class Weighted:
    """A run of text of one weight."""

    text: str
    weight: float = 1.0
    breaks: bool = False
    """Whether the text ends here with the present row of tokens (the word BREAK); it is then empty."""


def parse_attention(prompt: str) -> tuple[Weighted, ...]:
    """Runs of equal weight, in order; at least one."""
    runs: list[Weighted] = []
    opened: list[tuple[str, int]] = []  # bracket, first run inside
    for piece in _PIECE.finditer(prompt):
        found, weight = piece.group(), _number(piece["weight"])
        if found in ("(", "["):
            opened.append((found, len(runs)))
        elif weight is not None and (start := _closed(opened, "(")) is not None:
            _multiply(runs, start, weight)
        elif found == ")" and (start := _closed(opened, "(")) is not None:
            _multiply(runs, start, MORE)
        elif found == "]" and (start := _closed(opened, "[")) is not None:
            _multiply(runs, start, LESS)
        elif found[0] == "\\" and len(found) == 2:
            runs.append(Weighted(found[1]))
        else:
            runs.extend(_broken(found))
    for bracket, start in opened:  # left open, it holds to the end
        _multiply(runs, start, MORE if bracket == "(" else LESS)
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


def _closed(opened: list[tuple[str, int]], bracket: str) -> int | None:
    """Where the innermost open bracket of this kind began; forgets it."""
    for i in reversed(range(len(opened))):
        if opened[i][0] == bracket:
            return opened.pop(i)[1]
    return None


def _multiply(runs: list[Weighted], start: int, factor: float) -> None:
    runs[start:] = [
        run if run.breaks else Weighted(run.text, run.weight * factor) for run in runs[start:]
    ]


def _broken(text: str) -> Iterator[Weighted]:
    """The text, with a break wherever the word stands."""
    for i, part in enumerate(_BREAK.split(text)):
        if i > 0:
            yield Weighted("", breaks=True)
        if part:
            yield Weighted(part)


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
