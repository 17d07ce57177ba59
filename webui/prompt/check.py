"""Where a prompt's brackets do not match: it is drawn all the same, and its writer is told."""

from __future__ import annotations

_PAIRS = {")": "(", "]": "["}


def bracket_problem(prompt: str) -> str | None:
    """A sentence about the first bracket without a partner; None where all have one."""
    opened: list[tuple[str, int]] = []
    i = 0
    while i < len(prompt):
        letter = prompt[i]
        if letter == "\\":
            i += 2
            continue
        if letter in "([":
            opened.append((letter, i))
        elif letter in _PAIRS:
            if not opened or opened[-1][0] != _PAIRS[letter]:
                return _sentence(letter, i, prompt, "opens none before it")
            opened.pop()
        i += 1
    if not opened:
        return None
    letter, i = opened[0]
    return _sentence(letter, i, prompt, "is never closed")


def _sentence(letter: str, place: int, prompt: str, what: str) -> str:
    around = prompt[max(0, place - 12) : place + 13].strip()
    if what.startswith("opens"):
        return (
            f"The {letter!r} at character {place + 1} (…{around}…) closes nothing; it was read as "
            f"text. Write \\{letter} if that is meant."
        )
    return (
        f"The {letter!r} at character {place + 1} (…{around}…) is never closed; it was taken to hold "
        f"to the end. Write \\{letter} if a bracket is meant."
    )
