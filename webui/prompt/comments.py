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
    """The prompt as it is read: without its comments, and an escaped hash as a plain one."""
    if "#" not in prompt:
        return prompt
    return COMMENT.sub(lambda piece: "#" if piece["plain"] else _kept(piece), prompt)


def strip_comments(prompt: str) -> str:
    """The prompt without its comments, still in the prompt language: an escaped hash stays escaped.

    What is no comment is kept to the letter.
    """
    return COMMENT.sub(_kept, prompt) if "#" in prompt else prompt


def _kept(piece: re.Match[str]) -> str:
    return piece[0] if piece[0].startswith("\\") else ""
