"""Comments in a prompt: from # to the end of the line, as AUTOMATIC1111 has had them since 1.8.

A line that is a comment alone goes with its line break. AUTOMATIC1111 has no way to write a plain #;
here a backslash before it makes it text.
"""

from __future__ import annotations

import re

COMMENT = re.compile(
    r"""
      (?P<plain>\\\#)                     # an escaped hash
    | \\.                                 # any other escape stays as it is
    | ^[^\S\n]*\#[^\n]*(?:\n|\Z)          # a line of comment alone
    | \#[^\n]*                            # a comment behind text
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
"""Finds comments, and escaped pairs that are none."""


def without_comments(prompt: str) -> str:
    """The prompt without its comments; what is no comment is kept to the letter."""
    return COMMENT.sub(_kept, prompt) if "#" in prompt else prompt


def _kept(piece: re.Match[str]) -> str:
    if piece["plain"]:
        return "#"
    return piece[0] if piece[0].startswith("\\") else ""
