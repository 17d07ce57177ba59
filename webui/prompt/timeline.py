"""Prompts that change while a picture is made: [from:to:when], [one|two], and parts joined by AND.

`[from:to:0.4]` reads `from` for the first 40 % of the steps and `to` afterwards; a number without a
point is a step; `[to:8]` adds, `[from::8]` takes away. `[one|two]` changes at every step. Everything
nests, in itself and in the brackets of weights, which stay in the text. Reading never fails: what is
none of this is text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from webui.prompt.brackets import Bracket, square_brackets


@dataclass(frozen=True)
class Stage:
    """A text, and the last step that it holds for, counted from 1."""

    until: int
    text: str


@dataclass(frozen=True)
class Part:
    """One of the prompts that AND joins (composable diffusion, Liu et al. 2022)."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class _Change:
    before: Sequence[_Node]
    after: Sequence[_Node]
    when: int
    """The last step of `before`."""


@dataclass(frozen=True)
class _Alternate:
    options: Sequence[Sequence[_Node]]


@dataclass(frozen=True)
class _Pass:
    """The steps that numbers in a prompt are counted in."""

    steps: int
    after: int
    """Steps of the pass before."""
    old: bool
    """Whether they are counted as AUTOMATIC1111 did before 1.6."""

    def last_before(self, number: str) -> int:
        """The last step before a change: a number with a point is a share of the steps.

        By the old rule a number below 1 is, and a second pass has the timeline of the first.
        """
        value = float(number)
        if self.old:
            value *= (self.after or self.steps) if value < 1 else 1
        elif "." in number:
            value = (value - (1 if self.after else 0)) * self.steps
        else:
            value -= self.after
        return min(self.steps, max(0, int(value)))


_Node = str | _Change | _Alternate

MAX_DEPTH = 50
"""Changes inside changes; deeper ones are text."""

_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"(?P<text>.*?)\s*:\s*(?P<weight>[-+]?(?:\d+\.?|\d*\.\d+))\s*", re.DOTALL)
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*")


def split_parts(prompt: str) -> tuple[Part, ...]:
    """The prompts between the words AND, each of which may end with a weight (`a cat :0.8`)."""
    parts = []
    for text in _AND.split(prompt):
        found = _WEIGHT.fullmatch(text) if ":" in text else None
        parts.append(Part(found["text"], float(found["weight"])) if found else Part(text))
    return tuple(parts)


def stages_of(prompt: str, steps: int, after: int = 0, old: bool = False) -> tuple[Stage, ...]:
    """What the prompt says at each of `steps` steps; equal neighbours are one stage.

    In a second pass, `after` steps of the first, whole numbers count on from these, and its shares
    are those from 1.0 to 2.0. By the `old` rule, that of AUTOMATIC1111 before 1.6, it is read as the first was.
    """
    nodes = _Reader(prompt, _Pass(steps, after, old)).nodes(0, len(prompt))
    ends = sorted({steps, *_changes(nodes, steps)})
    stages: list[Stage] = []
    for end in ends:
        text = _at(nodes, end)
        if stages and stages[-1].text == text:
            stages.pop()
        stages.append(Stage(end, text))
    return tuple(stages)


class _Reader:
    """A prompt, and which brackets in it belong together."""

    def __init__(self, text: str, within: _Pass) -> None:
        self._text = text
        self._within = within
        self._brackets = square_brackets(text)

    def nodes(self, start: int, end: int, depth: int = 0) -> list[_Node]:
        """Text and what changes in it; brackets that change nothing are text."""
        nodes: list[_Node] = []
        plain, i = start, start  # text since `plain` is in no node yet
        while i < end:
            bracket = self._brackets.get(i) if self._text[i] == "[" else None
            fits = bracket is not None and bracket.close < end and depth < MAX_DEPTH
            node = self._changing(i + 1, bracket, depth + 1) if bracket and fits else None
            if node is None or bracket is None:
                i += 2 if self._text[i] == "\\" else 1
                continue
            nodes += [self._text[plain:i], node] if plain < i else [node]
            plain = i = bracket.close + 1
        return [*nodes, self._text[plain:end]] if plain < end else nodes

    def _changing(self, start: int, bracket: Bracket, depth: int) -> _Change | _Alternate | None:
        """What square brackets hold, if it changes."""
        if bracket.bars:
            return _Alternate(self._parts(start, [*bracket.bars, bracket.close], depth))
        if len(bracket.colons) not in (1, 2):
            return None
        number = self._text[bracket.colons[-1] + 1 : bracket.close]
        if not _NUMBER.fullmatch(number):
            return None
        fields = self._parts(start, bracket.colons, depth)
        return _Change(
            fields[0] if len(fields) == 2 else [], fields[-1], self._within.last_before(number)
        )

    def _parts(self, start: int, ends: Sequence[int], depth: int) -> list[list[_Node]]:
        """What stands before each of some separators."""
        starts = [start, *(end + 1 for end in ends[:-1])]
        return [self.nodes(begin, end, depth) for begin, end in zip(starts, ends, strict=True)]


def _changes(nodes: Sequence[_Node], steps: int) -> set[int]:
    """Last steps of everything that ends before the last step."""
    ends: set[int] = set()
    for node in nodes:
        if isinstance(node, _Change):
            inner = _changes(node.before, steps) | _changes(node.after, steps)
            ends |= inner | ({node.when} if node.when >= 1 else set())
        elif isinstance(node, _Alternate):
            ends |= set(range(1, steps + 1))
    return ends


def _at(nodes: Sequence[_Node], step: int) -> str:
    """The text of a step."""
    said = ""
    for node in nodes:
        if isinstance(node, _Change):
            said += _at(node.before if step <= node.when else node.after, step)
        elif isinstance(node, _Alternate):
            said += _at(node.options[(step - 1) % len(node.options)], step)
        else:
            said += node
    return said
