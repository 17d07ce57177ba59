"""What a weight of a file is called by LoRAs and in which block it is, in the original layout and in diffusers'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from webui.contracts.lora_blocks import BASE, ROWS, block_of
from webui.contracts.lora_keys import TEXT, TEXT_2, UNET, Place, from_original
from webui.engine.adapters.dialects import BIAS

COUNT = 26
"""BASE, IN00 to IN11, M00, OUT00 to OUT11: the row of merging by blocks."""
_ORIGINAL: Mapping[str, str] = {
    "model.diffusion_model.": UNET,
    "cond_stage_model.transformer.": TEXT,
    "conditioner.embedders.0.transformer.": TEXT,
}
"""Beginnings of names in a single file, and the part that a LoRA means by them."""
_FOLDERS = (UNET, TEXT, TEXT_2)


def place_of(part: str, name: str) -> Place | None:
    """The place of a LoRA that changes a weight; None where none can.

    Args:
        part: Folder of a diffusers model that the file is in, such as 'unet'; '' for a single file.
        name: Of the tensor, with '.weight' or '.bias' at its end.
    """
    layer, _, kind = name.rpartition(".")
    ending = BIAS if kind == "bias" else ""
    if part in _FOLDERS:
        return part, layer.replace(".", "_").removeprefix("text_model_") + ending
    for prefix, whose in _ORIGINAL.items():
        if not part and layer.startswith(prefix):
            joined = layer.removeprefix(prefix).replace(".", "_").removeprefix("text_model_")
            return whose, (from_original(joined) if whose == UNET else joined) + ending
    return None


def block_at(place: Place | None) -> str:
    """The block of a place; BASE for all that is outside of the denoising network's blocks."""
    return BASE if place is None else block_of(place) or BASE


def ratio_of(block: str, row: Sequence[float], ratio: float) -> float:
    """How much of the other model a block takes: its number in the row, or `ratio` where there is no row."""
    return dict(zip(ROWS[COUNT], row, strict=True)).get(block, ratio) if row else ratio
