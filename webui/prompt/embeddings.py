"""Embeddings (textual inversion, Gal et al. 2022) in a prompt: the bare name of their file.

A name is found where it stands as a word of its own, whatever its capitals; of two names that begin
at one place the longer one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache


def names_in(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """Which of the names a text has, lower case, each once, in the order in which they come."""
    found = (name for _, name in parts_of(text, names) if name is not None)
    return tuple(dict.fromkeys(found))


def parts_of(text: str, names: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """The text in pieces: (text, None) where it is plain, ("", name) for each name in it."""
    known = tuple(sorted({name.lower() for name in names if name}, key=lambda n: (-len(n), n)))
    if not known:
        yield text, None
        return
    at = 0
    for found in _pattern(known).finditer(text):
        if found.start() > at:
            yield text[at : found.start()], None
        yield "", found[0].lower()
        at = found.end()
    if at < len(text) or at == 0:
        yield text[at:], None


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(re.escape(name) for name in names)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
