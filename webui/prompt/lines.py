"""Lists of prompts, one a line, as AUTOMATIC1111's script 'Prompts from file or textbox' reads them.

A line that begins with two dashes says settings: `--prompt a red house --steps 20 --negative_prompt "rain, fog"`. A
prompt goes on up to the next setting, other values are one word, and quotes keep spaces. Any other line is a prompt.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

PROMPTS = ("prompt", "negative_prompt")
"""Settings whose value may have several words without quotes."""
_DASHES = "--"


class BadLine(ValueError):
    """A line cannot be read; the message goes on after 'Line 3'."""


@dataclass(frozen=True)
class Line:
    """A line that says something."""

    number: int
    """In the whole text, from 1."""
    text: str
    """Without the spaces around it."""

    def settings(self) -> Mapping[str, str]:
        """Its settings by name, as they are written; of one that is said twice the latter.

        Raises:
            BadLine: it is none of names and values.
        """
        if not self.text.startswith(_DASHES):
            return {"prompt": self.text}
        words, said = _words(self.text), dict[str, str]()
        while words:
            name = _name(words.pop(0))
            if not words or (name in PROMPTS and words[0].startswith(_DASHES)):
                raise BadLine(f"ends --{name} without a value; one was expected behind it")
            value = [words.pop(0)]
            while name in PROMPTS and words and not words[0].startswith(_DASHES):
                value.append(words.pop(0))
            said[name] = " ".join(value)
        return said


def lines_of(text: str) -> tuple[Line, ...]:
    """The lines of a text that are not empty."""
    numbered = enumerate(text.splitlines(), start=1)
    return tuple(Line(number, line.strip()) for number, line in numbered if line.strip())


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadLine(
            "has a quotation mark, or a backslash, that nothing follows; put quotes around the whole value, or "
            "a backslash before a quote that belongs to it"
        ) from error


def _name(word: str) -> str:
    if not word.startswith(_DASHES) or word == _DASHES:
        raise BadLine(f"has {word[:100]!r} where a setting was expected, such as --steps")
    return word.removeprefix(_DASHES)
