"""Which weights of a file are packed, and the scales beside those of eight bits.

Files that were scaled to use the whole range of eight bits keep one number for each weight, as ComfyUI names it:
`scale_weight` (with a tensor `scaled_fp8` that says so), or `weight_scale` in newer ones. Scales of a layer's input
speed its arithmetic up on some devices and change nothing else; they are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webui.weights.header import ITEM_BYTES, WeightsHeader

WEIGHT, WEIGHT_SCALES = "weight", ("scale_weight", "weight_scale")
BESIDE = ("scale_input", "input_scale", "comfy_quant")
"""Further tensors of a layer that is scaled."""
MARK = "scaled_fp8"
EIGHT_BITS = ("F8_E4M3", "F8_E5M2")


@dataclass(frozen=True)
class Scales:
    """What of a file's tensors are scales."""

    of: Mapping[str, str]
    """Name of a weight to the name of its scale."""
    unseen: frozenset[str]
    """Names that are no weights of the model."""


def find_scales(header: WeightsHeader) -> Scales:
    """Those of a file; none in most."""
    if {info.dtype for info in header.tensors.values()}.isdisjoint(EIGHT_BITS):
        return Scales({}, frozenset())
    of: dict[str, str] = {}
    unseen: set[str] = set()
    for name in header.tensors:
        layer, point, what = name.rpartition(".")
        weight = f"{layer}{point}{WEIGHT}"
        if what in WEIGHT_SCALES and weight in header.tensors:
            of[weight] = name
            unseen.add(name)
        elif what == MARK or (what in BESIDE and weight in header.tensors):
            unseen.add(name)
    return Scales(of, frozenset(unseen))


def count_packed(header: WeightsHeader, prefix: str) -> int:
    """How many numbers below a prefix lie in matrices that are packed."""
    scales = find_scales(header).of
    return sum(
        info.count
        for name, info in header.tensors.items()
        if name.startswith(prefix)
        and len(info.shape) == 2
        and (info.dtype not in ITEM_BYTES or name in scales)
    )
