"""The kinds of pictures that union controlnets read, in the order of their types.

Those of SDXL are xinsir's (controlnet-union-sdxl-1.0), those of FLUX InstantX's and Shakker Labs' (FLUX.1-dev-Controlnet-Union).
"""

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
FLUX_KINDS: tuple[tuple[str, ...], ...] = (
    ("edges", "lines", "straight lines"),
    ("tile",),
    ("depth",),
    ("blur",),
    ("pose",),
    ("grey",),
    ("low quality",),
)
"""The same of a union for FLUX."""
USUAL = "edges"
"""What a union is shown where nobody says it."""


def kinds_of(types: int, known: tuple[tuple[str, ...], ...] = UNION_KINDS) -> tuple[str, ...]:
    """What a union of so many types reads; empty for a controlnet of one kind."""
    return tuple(kind for kinds in known[:types] for kind in kinds)


def type_of(kind: str, known: tuple[tuple[str, ...], ...] = UNION_KINDS) -> int:
    """The type of a kind of picture.

    Raises:
        ValueError: no union reads it.
    """
    for number, kinds in enumerate(known):
        if kind in kinds:
            return number
    raise ValueError(f"No union controlnet reads {kind!r}.")
