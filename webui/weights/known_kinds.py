"""Files that people own and that are not drawn with: each known by name from its header, with a sentence on what would do instead.

What is drawn with is known elsewhere (`signatures/`, `*_files.py`); this table is looked at first, for some of these files
have the names of what is drawn with and more (Chroma those of FLUX, InstantID those of IP-Adapters).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from webui.weights.known_tables import ADAPTERS, FACES, FILMS, LONE_PARTS, MODELS, KnownKind

KINDS: tuple[KnownKind, ...] = (*ADAPTERS, *FILMS, *MODELS, *FACES, *LONE_PARTS)
"""In the order in which they are asked: narrow ones stand before wide ones."""
PREFIXES = (
    "", "model.diffusion_model.", "diffusion_model.", "transformer.", "model.", "net.", "unet.", "dit.", "module.",
    "state_dict.", "state_dict.module.", "params_ema.", "params.",
)  # fmt: skip
"""What may stand before all names."""


Shapes = Mapping[str, tuple[int, ...]]


def known_kind(shapes: Shapes) -> KnownKind | None:
    """What a file of these names and shapes is, of those that are not drawn with; None for all others."""
    likely = [_FIRST[name] for name in _FIRST.keys() & shapes.keys()]
    if not likely:
        return None
    kinds = set().union(*likely)
    return next((kind for kind in KINDS if kind in kinds and _is_one(shapes, kind)), None)


def known_class(name: object) -> KnownKind | None:
    """The same of a folder whose `config.json` names this class of diffusers."""
    return next((kind for kind in KINDS if name in kind.classes), None)


def _is_one(shapes: Shapes, kind: KnownKind) -> bool:
    """Whether all names of some mark are there behind one prefix, and of the sizes that tell it from others."""
    return any(
        all(name in shapes for name in mark)
        and all(shapes.get(prefix + name, ())[1:2] == (size,) for name, size in kind.columns)
        for prefix, mark in _marks(kind)
    )


def _marks(kind: KnownKind) -> Iterator[tuple[str, list[str]]]:
    """Each prefix, with the names of each mark behind it."""
    for mark in kind.marks:
        for prefix in PREFIXES:
            yield prefix, [prefix + name for name in mark]


_FIRST: dict[str, set[KnownKind]] = {}
"""The first name of each mark behind each prefix, and whose it is: thousands of files are asked, and most have none."""
for _kind in KINDS:
    for _, _names in _marks(_kind):
        _FIRST.setdefault(_names[0], set()).add(_kind)
