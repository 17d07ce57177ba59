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

    def last_before(self, number: str) -> int:
        """The last step before a change: a number with a point is a share of the steps."""
        value = float(number)
        if "." in number:
            value = (value - (1 if self.after else 0)) * self.steps
        else:
            value -= self.after
        return min(self.steps, max(0, int(value)))


_Node = str | _Change | _Alternate

_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"(?P<text>.*?)\s*:\s*(?P<weight>[-+]?(?:\d+\.?|\d*\.\d+))\s*", re.DOTALL)
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*")


def split_parts(prompt: str) -> tuple[Part, ...]:
    """The prompts between the words AND, each of which may end with a weight (`a cat :0.8`)."""
    parts = []
    for text in _AND.split(prompt):
        found = _WEIGHT.fullmatch(text)
        parts.append(Part(found["text"], float(found["weight"])) if found else Part(text))
    return tuple(parts)


def stages_of(prompt: str, steps: int, after: int = 0) -> tuple[Stage, ...]:
    """What the prompt says at each of `steps` steps; equal neighbours are one stage.

    In a second pass, `after` steps of the first, whole numbers count on from these, and its shares
    are those from 1.0 to 2.0.
    """
    nodes = _read(prompt, _Pass(steps, after))
    ends = sorted({steps, *_changes(nodes, steps)})
    stages: list[Stage] = []
    for end in ends:
        text = _at(nodes, end)
        if stages and stages[-1].text == text:
            stages.pop()
        stages.append(Stage(end, text))
    return tuple(stages)


def _read(text: str, within: _Pass) -> list[_Node]:
    """Text and what changes in it; brackets that change nothing are text."""
    nodes: list[_Node] = []
    plain = ""
    i = 0
    while i < len(text):
        if text[i] == "\\":
            plain += text[i : i + 2]
            i += 2
            continue
        end = _closing(text, i) if text[i] == "[" else None
        node = None if end is None else _changing(text[i + 1 : end], within)
        if end is None or node is None:
            plain += text[i]
            i += 1
            continue
        nodes += [plain, node] if plain else [node]
        plain, i = "", end + 1
    return [*nodes, plain] if plain else nodes


def _closing(text: str, start: int) -> int | None:
    """Where the square bracket that opens at `start` closes."""
    depth, i = 0, start
    while i < len(text):
        if text[i] == "\\":
            i += 1
        elif text[i] == "[":
            depth += 1
        elif text[i] == "]":
            depth -= 1
            if depth == 0:
                return i
        i += 1
    return None


def _changing(inside: str, within: _Pass) -> _Change | _Alternate | None:
    """What square brackets hold, if it changes."""
    options = _split(inside, "|")
    if len(options) > 1:
        return _Alternate([_read(option, within) for option in options])
    fields = _split(inside, ":")
    if len(fields) not in (2, 3) or not _NUMBER.fullmatch(fields[-1]):
        return None
    before = "" if len(fields) == 2 else fields[0]
    when = within.last_before(fields[-1])
    return _Change(_read(before, within), _read(fields[-2], within), when)


def _split(text: str, separator: str) -> list[str]:
    """Split where the separator stands outside of all brackets, and is not escaped."""
    fields, depth, i = [""], 0, 0
    while i < len(text):
        if text[i] == "\\":
            fields[-1] += text[i : i + 2]
            i += 2
            continue
        depth += (text[i] in "([") - (text[i] in ")]")
        if text[i] == separator and depth == 0:
            fields.append("")
        else:
            fields[-1] += text[i]
        i += 1
    return fields


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
