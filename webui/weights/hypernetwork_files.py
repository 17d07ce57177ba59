"""Hypernetworks in the layout of AUTOMATIC1111, by the names and shapes of their tensors.

A hypernetwork (after an idea of NovelAI's, 2022) is two small networks a width: what keys are made of goes through
the one, what values are made of through the other. The file maps a width to the pair; flattened that is
`768.0.linear.2.weight`. The first files named the two layers `linear1` and `linear2`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

KEYS, VALUES = 0, 1
"""Place in the pair."""
_NAME = re.compile(r"(\d+)\.([01])\.linear(?:\.(\d+)|([12]))\.(weight|bias)")


@dataclass(frozen=True)
class Layer:
    """A layer of one of the small networks."""

    name: str
    """Of its tensors, without `.weight` and `.bias`."""
    is_norm: bool
    """Whether it normalises; else it is linear."""


def hypernetwork_layers(
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[tuple[int, int], tuple[Layer, ...]]:
    """By width and place in the pair: its layers with weights, in order; empty where it is none."""
    found: dict[tuple[int, int], dict[int, Layer]] = {}
    for name, shape in shapes.items():
        match = _NAME.fullmatch(name)
        if match is None or match[5] != "weight":
            continue
        place = int(match[3]) if match[3] is not None else int(match[4]) - 1
        layer = Layer(name.removesuffix(".weight"), is_norm=len(shape) == 1)
        found.setdefault((int(match[1]), int(match[2])), {})[place] = layer
    return {which: tuple(each[i] for i in sorted(each)) for which, each in found.items()}
