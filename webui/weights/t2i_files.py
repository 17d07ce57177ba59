"""T2I-Adapters in single files: whose layout it is, and the sizes of the network, read from names and shapes.

The original code lists all residual blocks in a row (`body.5.block1`), diffusers level by level
(`body.2.resnets.1.block1`). A light adapter has narrow blocks between two projections.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Literal

from webui.contracts.errors import BrokenModel

T2iType = Literal["full_adapter", "full_adapter_xl", "light_adapter"]
"""As diffusers calls them; that for SDXL is halved less often."""
_PREFIX = "adapter."
_FLAT = "body.0.block1.weight"
_LIGHT = "body.0.body.0.block1.weight"
_DIFFUSERS = "body.0.resnets.0.block1.weight"
_USUAL_BLOCKS = 2
"""Residual blocks of a level, where no change of width shows them."""
_XL_CELL = 16
"""Pixels along a side that become one place in adapters for SDXL; those for SD have 8."""


@dataclass(frozen=True)
class T2iShape:
    """Sizes of a T2I-Adapter, as diffusers counts them."""

    kind: T2iType
    colours: int
    """Channels of the picture: 3, or 1 where it reads grey."""
    channels: tuple[int, ...]
    blocks: int
    """Residual blocks of a level."""
    cell: int
    """Pixels along a side that become one place."""


def t2i_names(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Diffusers' name, without `adapter.`, to the file's; empty where it is no T2I-Adapter."""
    bare = {name.removeprefix(_PREFIX): name for name in shapes}
    if _DIFFUSERS in bare:
        return bare
    if _LIGHT in bare:
        return {re.sub(r"^(body\.\d+)\.body\.", r"\1.resnets.", n): own for n, own in bare.items()}
    if _FLAT not in bare or "conv_in.weight" not in bare:
        return {}
    turns = [int(n.split(".")[1]) for n in bare if n.endswith(".in_conv.weight")]
    blocks = min(turns, default=_USUAL_BLOCKS)
    return {_by_level(name, blocks): own for name, own in bare.items()}


def t2i_shape(shapes: Mapping[str, tuple[int, ...]]) -> T2iShape:
    """The sizes of the T2I-Adapter in a file of which `t2i_names` knows the names.

    Raises:
        BrokenModel: tensors are missing or of impossible shapes.
    """
    own = {ours: shapes[theirs] for ours, theirs in t2i_names(shapes).items()}
    levels = _count(own, "body.{}.resnets.0.block1.weight")
    light = "body.0.out_conv.weight" in own
    try:
        first = own["body.0.in_conv.weight" if light else "conv_in.weight"][1]
        widths = [own[_width_at(i, light)][0] for i in range(levels)]
    except (KeyError, IndexError) as error:
        raise BrokenModel(
            f"The T2I-Adapter is incomplete or of impossible shapes: {error} is missing. Download it again."
        ) from error
    colours = 1 if first % 3 else 3
    cell = isqrt(first // colours)
    kind: T2iType = "full_adapter_xl" if cell == _XL_CELL else "full_adapter"
    return T2iShape(
        kind="light_adapter" if light else kind,
        colours=colours,
        # The last level of a light adapter is as wide as the one before.
        channels=tuple(widths[:-1] if light else widths),
        blocks=_count(own, "body.0.resnets.{}.block1.weight"),
        cell=cell,
    )


def _width_at(level: int, light: bool) -> str:
    return f"body.{level}.out_conv.weight" if light else f"body.{level}.resnets.0.block1.weight"


def _by_level(name: str, blocks: int) -> str:
    found = re.fullmatch(r"body\.(\d+)\.(.+)", name)
    if found is None:
        return name
    level, layer = divmod(int(found[1]), blocks)
    inner = found[2] if found[2].startswith("in_conv.") else f"resnets.{layer}.{found[2]}"
    return f"body.{level}.{inner}"


def _count(own: Mapping[str, object], pattern: str) -> int:
    count = 0
    while pattern.format(count) in own:
        count += 1
    return count
