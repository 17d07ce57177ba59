"""Comments are taken out; everything else stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.prompt.comments import strip_comments, without_comments


@pytest.mark.parametrize(
    ("prompt", "rest"),
    [
        ("a boat", "a boat"),
        ("a boat # at sea", "a boat "),
        ("a boat # at sea\non a lake", "a boat \non a lake"),
        ("# all of it\na boat", "a boat"),
        ("a boat\n  # indented\nat sea", "a boat\nat sea"),
        ("# nothing else", ""),
        (r"sheet \#3, a boat", "sheet #3, a boat"),
        (r"(smile\) # shy", r"(smile\) "),
        (r"\\# a comment behind a backslash", r"\\"),
    ],
)
def test_what_stands_behind_a_hash_is_not_drawn(prompt: str, rest: str) -> None:
    assert without_comments(prompt) == rest


@given(st.text(alphabet="ab #\\\n", max_size=60))
def test_no_bare_hash_is_left_and_no_line_is_made(prompt: str) -> None:
    rest = without_comments(prompt)
    assert rest.count("#") == len(_escaped(prompt))
    assert rest.count("\n") <= prompt.count("\n")


def _escaped(prompt: str) -> list[int]:
    """Places of hashes that a backslash makes text, outside of comments."""
    found, i = [], 0
    while i < len(prompt):
        if prompt[i] == "\\":
            found += [i] if prompt[i + 1 : i + 2] == "#" else []
            i += 2
        elif prompt[i] == "#":
            while i < len(prompt) and prompt[i] != "\n":
                i += 1
        else:
            i += 1
    return found


@given(st.text(alphabet="ab #\\\n", max_size=60))
def test_stripped_twice_is_stripped_once_and_reads_the_same(prompt: str) -> None:
    stripped = strip_comments(prompt)
    assert strip_comments(stripped) == stripped
    assert without_comments(stripped) == without_comments(prompt)
