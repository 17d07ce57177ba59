"""Weights of a LoRA block by block, as the LoRA Block Weight extension of AUTOMATIC1111 writes them.

The blocks are those of the original UNet: IN00 to IN11 going down, M00, OUT00 to OUT11 going up; BASE is the text
encoder. A row of 17 or 12 numbers leaves out the blocks that a plain LoRA for SD 1 or SDXL does not change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from webui.contracts.lora_keys import UNET, Place

BASE, MIDDLE = "BASE", "M00"


def _ids(into: Sequence[int], out: Sequence[int]) -> tuple[str, ...]:
    return (BASE, *(f"IN{i:02}" for i in into), MIDDLE, *(f"OUT{i:02}" for i in out))


ROWS: Mapping[int, tuple[str, ...]] = {
    len(ids): ids
    for ids in (
        _ids((4, 5, 7, 8), range(6)),
        _ids((1, 2, 4, 5, 7, 8), range(3, 12)),
        _ids(range(9), range(9)),
        _ids(range(12), range(12)),
    )
}
"""By how many numbers a row has: what each stands for. 12 and 20 are for SDXL, 17 and 26 for SD 1 and 2."""

PRESETS: Mapping[str, tuple[float, ...]] = {
    "NONE": (0.0,) * 17,
    "ALL": (1.0,) * 17,
    "INS": (1.0,) * 4 + (0.0,) * 13,
    "IND": (1.0,) + (0.0,) * 3 + (1.0,) * 3 + (0.0,) * 10,
    "INALL": (1.0,) * 7 + (0.0,) * 10,
    "MIDD": (1.0,) + (0.0,) * 3 + (1.0,) * 8 + (0.0,) * 5,
    "OUTD": (1.0,) + (0.0,) * 7 + (1.0,) * 4 + (0.0,) * 5,
    "OUTS": (1.0,) + (0.0,) * 11 + (1.0,) * 5,
    "OUTALL": (1.0,) + (0.0,) * 7 + (1.0,) * 9,
    "ALL0.5": (0.5,) * 17,
}
"""Rows by the names that the extension comes with."""

_LAST_LAYER = 2
"""Of a block, from 0: what changes the size is in it."""
_IN_UNET = re.compile(
    r"(?P<half>down|up)_blocks_(?P<block>\d+)_"
    r"(?:(?:resnets|attentions)_(?P<layer>\d+)|(?P<edge>downsamplers|upsamplers))_"
)


def parse_blocks(text: str) -> tuple[float, ...]:
    """A row of weights from a preset's name or from numbers with commas.

    Raises:
        ValueError: it is neither; says what was expected.
    """
    preset = PRESETS.get(text.strip().upper())
    if preset is not None:
        return preset
    try:
        numbers = tuple(float(number) for number in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in ROWS:
        counts = ", ".join(map(str, ROWS))
        raise ValueError(f"{counts} numbers with commas between, or one of {', '.join(PRESETS)}")
    return numbers


def share_of_block(place: Place, row: Sequence[float]) -> float:
    """What the weight of a LoRA is multiplied by at a place; an empty row is 1 everywhere.

    Blocks that the row leaves out are 0; the layers outside of all blocks, such as the time embedding, are 1.
    """
    if not row:
        return 1.0
    block = block_of(place)
    return 1.0 if block is None else dict(zip(ROWS[len(row)], row, strict=True)).get(block, 0.0)


def block_of(place: Place) -> str | None:
    """The block that a place is in; None where it is in none."""
    part, name = place
    if part != UNET:
        return BASE
    if name.startswith("mid_block_"):
        return MIDDLE
    if name.startswith("conv_in"):
        return "IN00"
    found = _IN_UNET.match(name)
    if found is None:
        return None
    layer = _LAST_LAYER if found["edge"] else int(found["layer"])
    at = int(found["block"]) * (_LAST_LAYER + 1) + layer
    return f"IN{at + 1:02}" if found["half"] == "down" else f"OUT{at:02}"
