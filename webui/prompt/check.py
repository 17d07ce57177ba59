"""Where a prompt is not what its writer meant: it is drawn all the same, and its writer is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from webui.contracts.errors import BadRequest
from webui.prompt.comments import COMMENT
from webui.prompt.networks import TAG, loras_in, network_tags

_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_OPENED_BY = {close: opening for opening, close in _CLOSED_BY.items()}
_NO_MOMENT = re.compile(r"\[[^\[\]:|\\]*:[^\[\]:|\\]*:(?P<when>[^\[\]:|\\]*)\]")
_NO_WEIGHT = re.compile(r"\([^()\\]*:(?P<weight>[+-]?[.,]?\d[\d.,]{0,20}[^\s()]{0,3})\s{0,9}\)")


@dataclass(frozen=True)
class Problem:
    """A piece of a prompt, and what became of it."""

    start: int
    """Place of its first character."""
    end: int
    """Place after its last."""
    sentence: str


def problems_in(
    prompt: str, *, negative: bool = False, choices: bool = False, weights: bool = True
) -> tuple[Problem, ...]:
    """What is wrong with a prompt, in the order of its places.

    Args:
        prompt: As its writer sees it.
        negative: Whether it is the negative prompt.
        choices: Whether braces are choices; else they are text and may stand alone.
        weights: Whether brackets are weights; else they are text too.
    """
    bare = COMMENT.sub(_blank, prompt)
    untagged = TAG.sub(_blank_tag, bare)
    found = [
        *_tags(bare, negative),
        *_brackets(untagged, "([" * weights + "{" * choices),
        *(_numbers(untagged) if weights else ()),
    ]
    return tuple(sorted(found, key=lambda problem: problem.start))


def _blank(found: re.Match[str]) -> str:
    """Space in its place, so that all others keep theirs; an escaped pair stays."""
    return found[0] if found[0].startswith("\\") else " " * len(found[0])


def _blank_tag(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _tags(prompt: str, negative: bool) -> Iterator[Problem]:
    known = {tag.start for tag in network_tags(prompt)}
    for found in TAG.finditer(prompt):
        shown = repr(found[0][:60])
        if found.start() not in known:
            sentence = f"{shown} is no tag that Easel knows; it was read as text."
        elif negative:
            sentence = (
                f"{shown} does nothing in the negative prompt; it was left out. LoRAs belong in the "
                "prompt."
            )
        else:
            sentence = _refused(found[0])
        if sentence:
            yield Problem(found.start(), found.end(), sentence)


def _refused(tag: str) -> str:
    try:
        loras_in(tag)
    except BadRequest as error:
        return str(error)
    return ""


def _brackets(prompt: str, kinds: str) -> Iterator[Problem]:
    """The first bracket that closes nothing, else the first that is never closed."""
    opened: list[tuple[str, int]] = []
    i = 0
    while i < len(prompt):
        letter = prompt[i]
        if letter == "\\":
            i += 2
            continue
        if letter in kinds:
            opened.append((letter, i))
        elif _OPENED_BY.get(letter, "none") in kinds:
            if not opened or opened[-1][0] != _OPENED_BY[letter]:
                yield _closes_nothing(prompt, i)
                return
            opened.pop()
        i += 1
    if opened:
        yield _never_closed(prompt, opened[0][1])


def _closes_nothing(prompt: str, place: int) -> Problem:
    letter = prompt[place]
    return Problem(
        place,
        place + 1,
        f"The {letter!r} at character {place + 1} (…{_around(prompt, place)}…) closes nothing; it was "
        f"read as text. Write \\{letter} if that is meant.",
    )


def _never_closed(prompt: str, place: int) -> Problem:
    letter = prompt[place]
    became = "was read as text" if letter == "{" else "was taken to hold to the end"
    return Problem(
        place,
        place + 1,
        f"The {letter!r} at character {place + 1} (…{_around(prompt, place)}…) is never closed; it "
        f"{became}. Write \\{letter} if a bracket is meant.",
    )


def _around(prompt: str, place: int) -> str:
    return prompt[max(0, place - 12) : place + 13].strip()


def _numbers(prompt: str) -> Iterator[Problem]:
    """Moments and weights that are no numbers."""
    for found in _NO_MOMENT.finditer(prompt):
        if not _is_number(found["when"]):
            yield Problem(
                found.start(),
                found.end(),
                f"{found[0][:60]!r} changes nothing: {found['when'].strip()[:20]!r} is neither a step "
                "such as 8 nor a share of the steps such as 0.4. It was read as weaker text.",
            )
    for found in _NO_WEIGHT.finditer(prompt):
        if not _is_number(found["weight"]):
            yield Problem(
                found.start("weight"),
                found.end("weight"),
                f"{found['weight'][:20]!r} is no weight, so it was read as text; 1.2 would be one.",
            )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
