"""Styles: words that are saved under a name and put around a prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True)
class Unstyled:
    """Prompts without the words of the styles that were found in them."""

    prompt: str
    negative_prompt: str
    styles: tuple[str, ...] = ()
    """Names, in the order in which they are put around."""


def without_styles(prompt: str, negative_prompt: str, known: Sequence[Style]) -> Unstyled:
    """Find saved styles in prompts, as AUTOMATIC1111 does on paste; the longest first, each once.

    A style counts only if putting it back gives the same prompts again.
    """
    bare = Unstyled(prompt.strip(), negative_prompt.strip())
    left = [
        style
        for style in known
        if f"{style.prompt}{style.negative_prompt}".replace(PLACE, "").strip()
    ]
    left.sort(key=lambda style: -len(style.prompt) - len(style.negative_prompt))
    at = 0
    while at < len(left):
        taken = _without(bare, left[at])
        if taken is None:
            at += 1
        else:
            bare, at = taken, 0
            left = [style for style in left if style.name not in bare.styles]
    return bare


def _without(bare: Unstyled, style: Style) -> Unstyled | None:
    prompt = _unwrapped(bare.prompt, style.prompt)
    negative = _unwrapped(bare.negative_prompt, style.negative_prompt)
    if prompt is None or negative is None:
        return None
    return Unstyled(prompt, negative, (style.name, *bare.styles))


def _unwrapped(text: str, around: str) -> str | None:
    """What was there before a style's text was put around it; None where that is not around it."""
    if PLACE in around:
        before, _, behind = around.partition(PLACE)
        ends = len(text) - len(behind.rstrip())
        inner = text[len(before.lstrip()) : ends] if ends >= 0 else ""
    else:
        ends = len(text) - len(around.strip())
        inner = text[:ends].rstrip().removesuffix(",") if ends > 0 else ""
    return inner if apply_styles(inner, [around]).strip() == text else None
