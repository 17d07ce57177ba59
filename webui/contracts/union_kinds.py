"""The kinds of pictures that a union controlnet reads (xinsir's controlnet-union-sdxl-1.0), in the order of its types."""

from __future__ import annotations

UNION_KINDS: tuple[tuple[str, ...], ...] = (
    ("pose",),
    ("depth",),
    ("soft edges", "scribble"),
    ("edges", "lines", "straight lines"),
    ("normals",),
    ("class colours",),
    ("tile",),
    ("inpaint",),
)
"""By type: what such pictures are called. The first edition knows six types, the second all."""
USUAL = "edges"
"""What a union is shown where nobody says it."""


def kinds_of(types: int) -> tuple[str, ...]:
    """What a union of so many types reads; empty for a controlnet of one kind."""
    return tuple(kind for kinds in UNION_KINDS[:types] for kind in kinds)


def type_of(kind: str) -> int:
    """The type of a kind of picture.

    Raises:
        ValueError: no union reads it.
    """
    for number, kinds in enumerate(UNION_KINDS):
        if kind in kinds:
            return number
    raise ValueError(f"No union controlnet reads {kind!r}.")
