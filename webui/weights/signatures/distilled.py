"""What suits models that were distilled to few steps. Their networks look like any other, so the name says it."""

from __future__ import annotations

import re

Defaults = tuple[tuple[str, str | int | float], ...]

_LCM: Defaults = (
    ("sampler", "LCM"),
    ("schedule", "LCM"),
    ("steps", 6),
    ("guidance_scale", 1.0),
)
_KINDS: tuple[tuple[str, Defaults], ...] = (
    (
        "turbo",
        (
            ("sampler", "Euler a"),
            ("schedule", "SGM Uniform"),
            ("steps", 4),
            ("guidance_scale", 1.0),
        ),
    ),
    (
        "lightning",
        (("sampler", "Euler"), ("schedule", "SGM Uniform"), ("steps", 8), ("guidance_scale", 1.0)),
    ),
    (
        "hyper",
        (("sampler", "TCD"), ("schedule", "SGM Uniform"), ("steps", 8), ("guidance_scale", 1.0)),
    ),
    ("lcm", _LCM),
    (
        "schnell",
        (("sampler", "Euler"), ("schedule", "Simple"), ("steps", 4), ("guidance_scale", 1.0)),
    ),
)
"""Sauer et al. 2023, Lin et al. 2024, Ren et al. 2024, Luo et al. 2023; FLUX schnell."""
_STEPS = re.compile(r"(?<![0-9])([1-9]|1[0-6])[ _-]?steps?(?![a-z])")


def distilled_defaults(name: str) -> Defaults:
    """What suits a model of this name; empty where it does not say that the model was distilled.

    '8step' in the name wins over the usual number of steps.
    """
    words = re.split(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])", name.lower())
    kind = next(
        (defaults for word, defaults in _KINDS if any(w.startswith(word) for w in words)), ()
    )
    said = _STEPS.search(name.lower())
    if not kind or said is None:
        return kind
    return tuple((field, int(said[1]) if field == "steps" else value) for field, value in kind)
