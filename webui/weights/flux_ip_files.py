"""IP-Adapters of FLUX in XLabs' layout: which files are such, and their sizes, from names and shapes.

`ip_adapter_proj_model` makes tokens of what an image encoder says of a picture as a whole; each block of both streams has
keys and values for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from webui.contracts.errors import BrokenModel

FLUX_PROJECTION = "ip_adapter_proj_model."
_PLACE = re.compile(r"double_blocks\.(\d+)\.processor\.ip_adapter_double_stream_k_proj\.weight")
_NAME = "double_blocks.{}.processor.ip_adapter_double_stream_{}_proj.{}"


@dataclass(frozen=True)
class FluxIpShape:
    """Sizes of an IP-Adapter of FLUX."""

    told_width: int
    """Width of what it is told of a picture as a whole."""
    text_width: int
    """Width of its tokens, which is that of T5's."""
    tokens: int
    """How many it makes of a picture."""
    blocks: int
    """Of both streams, of the transformer that it is made for."""


def is_flux_ip(names: Mapping[str, object]) -> bool:
    """Whether a file of these names is such an IP-Adapter."""
    return any(map(_PLACE.fullmatch, names))


def place_name(block: int, part: str, parameter: str) -> str:
    """What a file calls the `parameter` ('weight', 'bias') of a block's keys ('k') or values ('v')."""
    return _NAME.format(block, part, parameter)


def flux_ip_shape(shapes: Mapping[str, tuple[int, ...]]) -> FluxIpShape:
    """The sizes of a file of which `is_flux_ip` is true.

    Raises:
        BrokenModel: tensors are missing or of impossible shapes.
    """
    blocks = sum(1 for name in shapes if _PLACE.fullmatch(name))
    try:
        _, text = shapes[place_name(0, "k", "weight")]
        for block in range(blocks):
            width, own = shapes[place_name(block, "k", "weight")]
            if own != text or shapes[place_name(block, "v", "weight")] != (width, text):
                raise ValueError(f"the values of block {block} are of another width than the keys")
        wide, told = shapes[FLUX_PROJECTION + "proj.weight"]
        return FluxIpShape(told, text, wide // text, blocks)
    except (LookupError, ValueError, ArithmeticError) as error:
        raise BrokenModel(
            f"The IP-Adapter is incomplete or of impossible shapes: {error}. Download it again."
        ) from error
