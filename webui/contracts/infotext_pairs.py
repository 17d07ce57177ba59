"""The `Key: value` pairs of a `parameters` text, and the prompts before them, as many programs write them.

AUTOMATIC1111 and Forge put the pairs into the last line; sd-dynamic-prompts writes its templates behind
it; Civitai writes whole JSON values without quotes, and sometimes everything in one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from webui.contracts.infotext import NEGATIVE

_MIN_PAIRS = 3
"""A last line of fewer is prompt."""
# Keys have a greatest length, so that a long prompt is not searched in quadratic time.
_KEY = re.compile(r"\s*(\w[\w \-/+.]{1,60}):\s*")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])+"(?=\s*(?:,|$))')
_TEMPLATES = ("Template:", "Negative Template:")
_STEPS = re.compile(r"(?:^|\s)Steps:\s*\d+\s*,")
_CLOSES = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class InfotextParts:
    """A text, taken apart."""

    prompt: str
    negative_prompt: str
    pairs: tuple[tuple[str, str], ...]


def split_infotext(text: str) -> InfotextParts:
    """Prompts and pairs of a text; of one without pairs, all of it is prompt."""
    lines = text.strip().split("\n")
    at = _parameter_line(lines)
    before, line, templates = lines[:at], lines[at] if at < len(lines) else "", lines[at + 1 :]
    pairs = tuple(_pairs(line))
    begun = _STEPS.search(line)
    if begun and _is_prompt(line[: begun.start()]):
        before, pairs = [*before, line[: begun.start()]], tuple(_pairs(line[begun.start() :]))
    prompt, negative = _prompts(before)
    return InfotextParts(prompt, negative, (*pairs, *_templates(templates)))


def _parameter_line(lines: Sequence[str]) -> int:
    """Place of the line with the pairs; one behind the last where there is none."""
    for at in range(len(lines) - 1, -1, -1):
        if _has_pairs(lines[at]):
            return at
        if not any(line.startswith(_TEMPLATES) for line in lines[at:]):
            break
    return len(lines)


def _is_prompt(begin: str) -> bool:
    """Whether what stands before the steps in their line is a prompt, and no pairs."""
    parts = begin.strip().rstrip(",").split(",")
    named = all(_KEY.match(part) for part in parts)
    return bool(begin.strip()) and (not named or begin.startswith(NEGATIVE))


def _has_pairs(line: str) -> bool:
    return sum(1 for _ in _pairs(line)) >= _MIN_PAIRS


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    at, brackets = 0, True
    while at < len(line):
        key = _KEY.match(line, at)
        start = key.end() if key else at
        end = None
        if brackets and line[start : start + 1] in _CLOSES:
            end = _bracketed(line, start)
            brackets = end is not None  # one that never closes is not looked for twice
        end = end or _end(line, start)
        if key:
            yield key[1].strip(), _unquote(line[start:end].strip())
        at = end + 1  # behind the comma


def _end(line: str, start: int) -> int:
    """Where a value ends that is in quotes, or plain."""
    quoted = _QUOTED.match(line, start)
    comma = line.find(",", quoted.end() if quoted else start)
    return len(line) if comma < 0 else comma


def _bracketed(line: str, at: int) -> int | None:
    """Where the bracket that opens at a place is closed before a comma; None where it is not."""
    opened, quote, i = 0, "", at
    while i < len(line):
        letter = line[i]
        if quote:
            i += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in _CLOSES:
            opened += 1
        elif letter in _CLOSES.values():
            opened -= 1
            if opened == 0:
                return i + 1 if line[i + 1 :].lstrip()[:1] in ("", ",") else None
        i += 1
    return None


def _unquote(value: str) -> str:
    if not _QUOTED.fullmatch(value):
        return value
    try:
        inner = json.loads(value)
    except ValueError:
        return value
    return inner if isinstance(inner, str) else value


def _prompts(lines: Sequence[str]) -> tuple[str, str]:
    for at, line in enumerate(lines):
        if line.startswith(NEGATIVE):
            negative = [line[len(NEGATIVE) :].strip(), *lines[at + 1 :]]
            return "\n".join(lines[:at]).strip(), "\n".join(negative).strip()
    text = "\n".join(lines).strip()
    prompt, inline, negative_text = text.partition(f" {NEGATIVE}")
    # Elsewhere than at the beginning of a line it counts only where all is in one.
    return (prompt, negative_text.strip()) if inline and "\n" not in text else (text, "")


def _templates(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What sd-dynamic-prompts writes behind the pairs; each may be of several lines."""
    key, said = "", list[str]()
    for line in [*lines, _TEMPLATES[0]]:
        begun = next((name for name in _TEMPLATES if line.startswith(name)), None)
        if begun is None:
            said.append(line)
            continue
        if key:
            yield key, "\n".join(said).strip()
        key, said = begun.rstrip(":"), [line.removeprefix(begun).strip()]
