"""Files that people own and that are not drawn with: each known by name from its header, with a sentence on what would do instead.

What is drawn with is known elsewhere (`signatures/`, `*_files.py`); this table is looked at first, for some of these files
have the names of what is drawn with and more (Chroma those of FLUX, InstantID those of IP-Adapters).
"""

from __future__ import annotations

from collections.abc import Mapping

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
    return next((kind for kind in KINDS if _is_one(shapes, kind)), None)


def known_class(name: object) -> KnownKind | None:
    """The same of a folder whose `config.json` names this class of diffusers."""
    return next((kind for kind in KINDS if name in kind.classes), None)


def _is_one(shapes: Shapes, kind: KnownKind) -> bool:
    """Whether all names of some mark are there behind one prefix, and of the sizes that tell it from others."""
    return any(
        all(prefix + name in shapes for name in mark)
        and all(shapes.get(prefix + name, ())[1:2] == (size,) for name, size in kind.columns)
        for mark in kind.marks
        for prefix in PREFIXES
    )
