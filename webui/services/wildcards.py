"""Wildcards: lists of entries that a prompt names as __name__, all of which extensions bring, Easel's own among them.

An entry is a text, with a weight before it perhaps (`0.5::red`), and choices and other wildcards in it; what
stands in it behind a # is a comment.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

from webui.contracts.errors import UnknownWildcard
from webui.prompt.choices import parse_entry
from webui.prompt.comments import strip_comments
from webui.prompt.drawing import Entries
from webui.prompt.nodes import Option

_Lists = Mapping[str, Sequence[str]]
"""Entries by the name of their list; a list may be read only when it is looked into."""


class WildcardStore:
    """Asks for the lists that there are with each use."""

    def __init__(self, lists: Callable[[], _Lists] = dict) -> None:
        self._lists = lists

    def names(self) -> tuple[str, ...]:
        """What a prompt can name, sorted."""
        return tuple(sorted(self._lists()))

    def entries(self) -> Entries:
        """The wildcards as they are now, for one request: it sees the same ones throughout."""
        lists = self._lists()
        known: dict[str, Sequence[Option]] = {}

        def look_up(name: str) -> Sequence[Option]:
            if name not in known:
                known[name] = [each for found in _matching(name, lists) for each in _options(found)]
            return known[name]

        return look_up


def _options(entries: Sequence[str]) -> Iterator[Option]:
    for entry in entries:
        if text := strip_comments(entry).strip():
            yield _parsed(text)


_parsed = lru_cache(maxsize=2**16)(parse_entry)
"""Entries come again with every request."""


def _matching(name: str, lists: _Lists) -> Sequence[Sequence[str]]:
    """Lists of a name, whose capitals do not count; with * all that it fits, slashes too."""
    if name in lists:
        return [lists[name]]
    wanted = name.lower()
    found = [held for known, held in lists.items() if fnmatch.fnmatchcase(known.lower(), wanted)]
    if found:
        return found
    near = difflib.get_close_matches(name, list(lists), n=3, cutoff=0.4) or list(lists)[:3]
    raise UnknownWildcard(name, near)
