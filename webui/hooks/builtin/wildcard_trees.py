"""Wildcards in trees: YAML and JSON files, as sd-dynamic-prompts keeps them.

    clothing: [T-shirt, 0.5::shoes]     __clothing__
    artists:
      dutch:                            __artists/dutch__, __artists/*__
        - Rembrandt van Rijn
        - {text: Vincent van Gogh, weight: 2}

A list is a wildcard, named by its keys; a file that is one list is named like a text file. What is
neither list nor branch is left out. An entry may be several lines long, with comments in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from webui.prompt.choices import weighed
from webui.prompt.comments import strip_comments

ENDINGS = (".yaml", ".yml", ".json")
MAX_DEPTH = 30
MAX_PLACES = 100_000
"""Lists and branches of one file: YAML can name one many times over, so that it has more than one sees."""


class UnreadableTree(Exception):
    """A file that is no YAML or JSON, or too large; says why."""


def read_tree(file: Path) -> Mapping[str, Sequence[str]]:
    """Entries of each wildcard in a file, by its name; the file's folder is not in it.

    Raises:
        UnreadableTree: it cannot be read; says why.
        OSError: it cannot be opened.
    """
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    try:
        data = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise UnreadableTree(" ".join(str(error).split())[:300]) from error
    return _Tree().wildcards(data, file.stem)


class _Tree:
    """One file's lists; each is read once, in however many places it stands."""

    def __init__(self) -> None:
        self._known: dict[int, Sequence[str]] = {}
        self._places = 0

    def wildcards(self, data: Any, stem: str) -> dict[str, Sequence[str]]:
        """Of a file of this name; Any: parsed YAML or JSON."""
        if isinstance(data, list):
            return {stem: self._entries(data)}
        return dict(self._branches(data, ()))

    def _branches(self, data: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Sequence[str]]]:
        if not isinstance(data, dict) or len(path) >= MAX_DEPTH:
            return
        self._count()
        for key, value in data.items():
            if not isinstance(key, str) or not key:
                continue
            if isinstance(value, list):
                yield "/".join((*path, key)), self._entries(value)
            else:
                yield from self._branches(value, (*path, key))

    def _entries(self, items: Sequence[Any]) -> Sequence[str]:
        self._count()
        if id(items) not in self._known:  # all lists live as long as this does
            self._known[id(items)] = [text for item in items if (text := _entry(item))]
        return self._known[id(items)]

    def _count(self) -> None:
        self._places += 1
        if self._places > MAX_PLACES:
            raise UnreadableTree(f"it has more than {MAX_PLACES} lists and branches")


def _entry(item: Any) -> str:
    """An entry: a text, a number, or a text with its weight; empty of anything else."""
    if isinstance(item, dict):
        text = _entry(item.get("text") or item.get("content"))
        weight = item.get("weight", 1)
        usable = isinstance(weight, (int, float)) and math.isfinite(weight) and weight >= 0
        return weighed(text, float(weight)) if text and usable else text
    if isinstance(item, bool) or not isinstance(item, (str, int, float)):
        return ""
    return strip_comments(str(item)).strip()
