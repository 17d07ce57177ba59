"""What pictures are searched by: the few words and keys that a search field takes, made out.

A search is words that must all be in a picture's prompt (their beginnings suffice), "words in quotes" that stand so
and whole, -words that must not be there, and keys: negative:, model:, sampler:, seed:, date:, after:, before:.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from webui.contracts.errors import BadRequest

MAX_SEARCH_CHARACTERS = 500
SearchedText = Literal["prompt", "negative", "model", "sampler"]
TEXT_KEYS: tuple[SearchedText, ...] = get_args(SearchedText)
_PIECE = re.compile(r'(?P<minus>-)?(?:(?P<key>[a-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>[^\s"]+))', re.IGNORECASE)  # fmt: skip
# Scripts that put no space between words: each character is a word, and a search finds them in their order.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")  # fmt: skip
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


@dataclass(frozen=True)
class Phrase:
    """Words that stand one after another in a text."""

    text: SearchedText
    words: tuple[str, ...]
    """Folded, as `words_of` gives them; at least one."""
    whole: bool
    """Whether the last one ends there, too."""
    excluded: bool
    """Whether they must not be there."""


@dataclass(frozen=True)
class PictureSearch:
    """What a picture must be to be found; nothing finds all."""

    phrases: tuple[Phrase, ...] = ()
    seed: int | None = None
    since: float | None = None
    """Drawn then or later, in seconds since the epoch."""
    until: float | None = None
    """Drawn earlier than that."""


ALL = PictureSearch()


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return tuple(_WORD.findall("".join(c for c in plain if not unicodedata.combining(c))))


def parse_search(text: str) -> PictureSearch:
    """Make out what is searched for; a key that there is not is a word as others are.

    Raises:
        BadRequest: a seed or a date that cannot be read.
    """
    phrases: list[Phrase] = []
    numbers: dict[str, float] = {}
    seed = None
    for piece in _PIECE.finditer(text):
        key, quoted = (piece["key"] or "").lower(), piece["quoted"]
        value = piece["plain"] if quoted is None else quoted
        if key == "seed":
            seed = _seed(value)
        elif key in ("date", "after", "before"):
            _narrow(numbers, key, *_days(key, value))
        else:
            known = next((name for name in TEXT_KEYS if name == key), None)
            words = words_of(value if known or not key else f"{key} {value}")
            if words:
                excluded = piece["minus"] is not None
                phrases.append(Phrase(known or "prompt", words, quoted is not None, excluded))
    return PictureSearch(tuple(phrases), seed, numbers.get("since"), numbers.get("until"))


def _seed(value: str) -> int:
    if not re.fullmatch(r"\d{1,18}", value, re.ASCII):
        raise BadRequest(f"The seed {value[:40]!r} in the search is no number; write seed:7, say.")
    return int(value)


def _days(key: str, value: str) -> tuple[float, float]:
    """The first moment of a day, a month or a year, and the first after it, of this machine's clock."""
    found = _DAY.fullmatch(value)
    try:
        if found is None:
            raise ValueError
        year, month, day = (None if part is None else int(part) for part in found.groups())
        begin = datetime(year or 0, month or 1, day or 1)
        span = 1 if day else 31 if month else 366
        end = begin + timedelta(days=span)
        if not day:
            end = end.replace(day=1, month=end.month if month else 1)
        return begin.timestamp(), end.timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadRequest(
            f"The day {value[:40]!r} in the search cannot be read; write {key}:2026-11-27, {key}:2026-11 or {key}:2026."
        ) from None


def _narrow(numbers: dict[str, float], key: str, begin: float, end: float) -> None:
    since = {"date": begin, "after": end}.get(key)
    until = {"date": end, "before": begin}.get(key)
    if since is not None:
        numbers["since"] = max(since, numbers.get("since", since))
    if until is not None:
        numbers["until"] = min(until, numbers.get("until", until))
