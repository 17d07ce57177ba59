"""Choices in a prompt: {a|b}, __wildcard__ and ${name}, in the grammar of sd-dynamic-prompts.

    {red|green}             one of them
    {3::red|green}          red three times as often
    {2$$a|b|c}              two of them, joined by ", "
    {1-2$$ and $$a|b|c}     one or two of them, joined by " and "; {-2$$ and {1-$$ leave an end open
    __colour__              an entry of the wildcard colour; __colours/*__ of all in a folder
    {2$$__colour__}         two different entries of it
    {@red|green} __@colour__    in turn from one seed to the next; ~ and ! in this place change nothing
    ${hue={red|green}}      a name for a choice, which is made anew wherever ${hue} stands
    ${hue=!{red|green}}     the same, made once; with ?= for = a value that is there already stays
    ${hue:red}              what was named hue, else red
    __coat(hue=red)__       an entry of coat, in which ${hue} is red
    ${number(1|6)}          what a function says of its arguments, in which choices are made first
    __${hue}_things__       an entry of the wildcard whose name has that in it

All of it nests, in itself and in the entries of wildcards. A backslash makes the {, }, | or _ behind
it text. Reading never fails: what is none of this is text. This file reads; `drawing` chooses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from webui.prompt.nodes import JOINER, Assignment, Call, Node, Option, Variable, Variants, Wildcard

MAX_DEPTH = 50
"""Braces inside braces; deeper ones are text."""

_WILDCARD = re.compile(
    r"""
    __(?P<mark>[~!@])?(?=\S)
    (?P<name>(?:\$\{\s*[^\W\d]\w*\s*\} | [^_\n{}|,:<>()\[\]\\$] | _(?!_))+)
    (?<=\S)
    (?:\s*\((?P<values>(?:[^()]|\([^()]*\))+)\))?
    __
    """,
    re.VERBOSE,
)
_VARIABLE = re.compile(
    r"\$\{\s*(?P<name>[^\W\d]\w*)\s*(?:(?P<mark>\?=|=|:)\s*(?P<once>!)?\s*|(?=\}))"
)
_CALL = re.compile(r"\$\{\s*(?P<name>[^\W\d]\w*(?:/[^\W\d]\w*)?)\(")
_VALUE = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*(?P<mark>\?=|=)\s*(?P<once>!)?\s*")
_NAME_PIECE = re.compile(r"\$\{\s*(\w+)\s*\}")
_MARKS = "~!@"
"""Ways to choose, of which only the last is another than the one that the whole prompt is drawn in."""
_HEAD = re.compile(
    r"\s*(?=[\d-])(?P<low>\d{0,4})(?P<range>-(?P<high>\d{0,4}))?\$\$(?:(?P<joiner>[^$|{}]*)\$\$)?"
)
_WEIGHT = re.compile(r"\s*(?P<weight>\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})::")


def has_choices(prompt: str) -> bool:
    """Whether anything in the prompt may be read as a choice; quick, and sometimes too careful."""
    return "{" in prompt or "}" in prompt or "__" in prompt or "\\_" in prompt


def parse_choices(prompt: str) -> tuple[Node, ...]:
    """Text and the choices in it, in order."""
    return _Reader(prompt).nodes(0, len(prompt), 0)


def parse_entry(line: str) -> Option:
    """A line of a wildcard file: a text, with a weight before it perhaps (`0.5::red`)."""
    found = _WEIGHT.match(line)
    text = line[found.end() :] if found else line
    return Option(parse_choices(text), float(found["weight"]) if found else 1.0)


def weighed(line: str, weight: float) -> str:
    """The line of an entry that has this weight, whatever weight stands before it: 0 to 999,999,999, nine decimals."""
    found = _WEIGHT.match(line)
    said = f"{min(weight, 999_999_999.0):.9f}".rstrip("0").rstrip(".")
    return f"{said}::{line[found.end() :] if found else line}"


class _Reader:
    """A prompt, and which brackets in it belong together."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._closing = _pairs(prompt)

    def nodes(self, start: int, end: int, depth: int) -> tuple[Node, ...]:
        """What stands from `start` up to `end`."""
        nodes: list[Node] = []
        plain: list[str] = []
        i = start
        while i < end:
            node, following = self._node(i, end, depth)
            if isinstance(node, str):
                plain.append(node)
            else:
                nodes += [*(["".join(plain)] if plain else []), node]
                plain = []
            i = following
        return tuple([*nodes, "".join(plain)] if plain else nodes)

    def _node(self, i: int, end: int, depth: int) -> tuple[Node, int]:
        """The node that begins at `i`, and where the next one does."""
        letter = self._prompt[i]
        if letter == "\\" and i + 1 < end:
            escaped = self._prompt[i + 1]
            bare = escaped in "{}_" or (escaped == "|" and depth > 0)
            return (escaped if bare else letter + escaped), i + 2
        close = self._closing.get(i, end)
        if letter == "{" and close < end and depth < MAX_DEPTH:
            return self._variants(i + 1, close, depth + 1), close + 1
        special = None
        if letter == "$" and depth < MAX_DEPTH:
            special = self._variable(i, end, depth + 1) or self._call(i, end, depth + 1)
        elif letter == "_" and depth < MAX_DEPTH:
            special = self._wildcard(i, end, depth + 1)
        return special or (letter, i + 1)

    def _variable(self, i: int, end: int, depth: int) -> tuple[Node, int] | None:
        """What sets or reads a name; None where that is not what stands there."""
        found, close = _VARIABLE.match(self._prompt, i, end), self._closing.get(i + 1, end)
        if found is None or close >= end or found.end() > close:
            return None
        if not found["mark"]:
            return Variable(found["name"]), close + 1
        if found["mark"] == ":":
            otherwise = self.nodes(found.end("mark"), close, depth)
            return Variable(found["name"], otherwise), close + 1
        following = close + 1
        while following < end and self._prompt[following].isspace():
            following += 1
        return self._assignment(found, close, depth), following

    def _call(self, i: int, end: int, depth: int) -> tuple[Node, int] | None:
        """What calls a function; None where that is not what stands there."""
        found, close = _CALL.match(self._prompt, i, end), self._closing.get(i + 1, end)
        if found is None or close >= end:
            return None
        inner = self._prompt[found.end() : close].rstrip()
        if not inner.endswith(")"):
            return None
        stop = found.end() + len(inner) - 1
        parts = self._parts(found.end(), stop, "|") if inner[:-1].strip() else []
        arguments = tuple(self.nodes(begin, after, depth) for begin, after in parts)
        return Call(found["name"], arguments), close + 1

    def _wildcard(self, i: int, end: int, depth: int) -> tuple[Node, int] | None:
        found = _WILDCARD.match(self._prompt, i, end)
        if found is None:
            return None
        pieces = enumerate(_NAME_PIECE.split(found["name"].rstrip()))
        name = tuple(Variable(piece) if k % 2 else piece for k, piece in pieces if piece)
        in_turn = found["mark"] == "@"
        if found["values"] is None:
            return Wildcard(name, in_turn=in_turn), found.end()
        values = []
        for start, stop in self._parts(found.start("values"), found.end("values"), ","):
            value = _VALUE.match(self._prompt, start, stop)
            if value is None:
                return None
            values.append(self._assignment(value, stop, depth))
        return Wildcard(name, tuple(values), in_turn), found.end()

    def _assignment(self, found: re.Match[str], end: int, depth: int) -> Assignment:
        """The value from where the match ends up to `end`, without the space around it."""
        while end > found.end() and self._prompt[end - 1].isspace():
            end -= 1
        return Assignment(
            found["name"],
            self.nodes(found.end(), end, depth),
            at_once=bool(found["once"]),
            gives_way=found["mark"] == "?=",
        )

    def _variants(self, start: int, end: int, depth: int) -> Variants:
        mark = self._prompt[start:end][:1]
        start += bool(mark and mark in _MARKS)
        head = _HEAD.match(self._prompt, start, end)
        bounds = _bounds(head)
        first = head.end() if head else start
        options = tuple(
            self._option(begin, stop, depth) for begin, stop in self._parts(first, end, "|")
        )
        joiner = head["joiner"] if head and head["joiner"] is not None else JOINER
        return Variants(options, *bounds, joiner, mark == "@")

    def _option(self, start: int, end: int, depth: int) -> Option:
        found = _WEIGHT.match(self._prompt, start, end)
        weight = float(found["weight"]) if found else 1.0
        return Option(self.nodes(found.end() if found else start, end, depth), weight)

    def _parts(self, start: int, end: int, separator: str) -> list[tuple[int, int]]:
        """Begin and end of what stands between separators outside of inner brackets."""
        parts, begin, i = [], start, start
        while i < end:
            letter = self._prompt[i]
            if letter == "\\":
                i += 1
            elif letter in "{[" and self._closing.get(i, end) < end:
                i = self._closing[i]
            elif letter == separator:
                parts.append((begin, i))
                begin = i + 1
            i += 1
        return [*parts, (begin, end)]


def split_outside(text: str, separator: str) -> list[str]:
    """Parts of a text between separators that stand outside of all braces and square brackets."""
    closing = _pairs(text)
    parts, begin, i = [], 0, 0
    while i < len(text):
        if text[i] == "\\":
            i += 1
        elif i in closing:
            i = closing[i]
        elif text[i] == separator:
            parts.append(text[begin:i])
            begin = i + 1
        i += 1
    return [*parts, text[begin:]]


def _bounds(head: re.Match[str] | None) -> tuple[int, int | None]:
    if head is None:
        return 1, 1
    low = int(head["low"]) if head["low"] else 1
    if head["range"] is None:
        return low, low
    return low, int(head["high"]) if head["high"] else None


def _pairs(text: str) -> Mapping[int, int]:
    """Where each { and [ closes, of those that do."""
    pairs: dict[int, int] = {}
    opened: dict[str, list[int]] = {"{": [], "[": []}
    i = 0
    while i < len(text):
        letter = text[i]
        if letter == "\\":
            i += 1
        elif letter in "{[":
            opened[letter].append(i)
        elif letter == "}" and opened["{"]:
            start = opened["{"].pop()
            pairs[start] = i
            while opened["["] and opened["["][-1] > start:
                opened["["].pop()
        elif letter == "]" and opened["["] and opened["["][-1] > max(opened["{"], default=-1):
            pairs[opened["["].pop()] = i
        i += 1
    return pairs
