"""Styles: words that are saved under a name and put around a prompt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PLACE = "{prompt}"


@dataclass(frozen=True)
class Style:
    """A named pair of texts; where one has `{prompt}` in it, the user's own goes there."""

    name: str
    prompt: str = ""
    negative_prompt: str = ""


def apply_styles(prompt: str, texts: Iterable[str]) -> str:
    """The prompt with the texts of styles put around it, one after the other.

    A text without `{prompt}` goes behind, after ", ", as AUTOMATIC1111 has it.
    """
    for text in texts:
        if PLACE in text:
            prompt = text.replace(PLACE, prompt)
        elif text.strip():
            prompt = ", ".join(part for part in (prompt.strip(), text.strip()) if part)
    return prompt
