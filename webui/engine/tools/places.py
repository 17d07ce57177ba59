"""What a weight of a file is called by LoRAs and in which block it is, in every layout that models are written in.

Published files keep layers in one weight that LoRAs tell apart: queries, keys and values of OpenCLIP, SD 3 and FLUX.
Such a weight is several places, each some rows of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from webui.contracts.lora_blocks import BASE, ROWS, block_of
from webui.contracts.lora_keys import TEXT, TEXT_2, TEXT_3, UNET, Place, from_original
from webui.contracts.making import BLOCKS as ROW
from webui.engine.adapters.dialects import BIAS
from webui.engine.adapters.fused import parted
from webui.engine.flow_layout import flux, sd3
from webui.engine.ldm_layout.text_encoder import BLOCKS, LAYERS, OPEN_CLIP, open_clip_layer
from webui.weights.flow_files import CLIP_G, CLIP_L, MARKS, T5
from webui.weights.ldm_unet import UNET as NETWORK
from webui.weights.ldm_unet import Shapes
from webui.weights.signatures import sdxl
from webui.weights.signatures.stable_diffusion import CLIP
from webui.weights.signatures.stable_diffusion import OPEN_CLIP as OPEN_CLIP_TEXT

_TEXTS: Mapping[str, tuple[str, ...]] = {
    CLIP: (TEXT,), "conditioner.embedders.0.transformer.": (TEXT,), CLIP_L: (TEXT,), CLIP_G: (TEXT_2,),
    T5: (TEXT_2, TEXT_3),
}  # fmt: skip
"""Beginnings of names of text encoders in a single file that have transformers' names, and the parts that LoRAs mean."""
_OPEN_CLIPS: Mapping[str, str] = {
    OPEN_CLIP_TEXT: TEXT, sdxl.SECOND_TEXT[sdxl.BASE]: TEXT_2, sdxl.SECOND_TEXT[sdxl.REFINER]: TEXT_2,
}  # fmt: skip
"""The same of those that have OpenCLIP's names."""
_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "unet": (UNET,), "transformer": (UNET,), TEXT: (TEXT,), TEXT_2: (TEXT_2,), TEXT_3: (TEXT_3,),
}  # fmt: skip
_T5_LAYERS = "encoder.block."
_FLOWS = (f"{flux.DOUBLE}.", f"{flux.SINGLE}.", f"{sd3.BLOCKS}.")


@dataclass(frozen=True)
class Layer:
    """A layer as LoRAs know it, which is a weight of a file or some rows of one."""

    places: tuple[Place, ...]
    """By all the names that it goes by."""
    rows: Tensor | None = None
    """Which, in the layer's own order; None: all, as they are."""


def layers_of(part: str, name: str, shapes: Shapes) -> tuple[Layer, ...]:
    """The layers that a weight of a file is; none where no LoRA can change it.

    Args:
        part: Folder of a diffusers model that the file is in, such as 'unet'; '' for a single file.
        name: Of the tensor.
        shapes: Of all tensors of the file.
    """
    layer, _, kind = name.rpartition(".")
    ending = BIAS if kind == "bias" else ""
    if part:
        return _in_folder(part, layer, ending)
    if name.startswith(NETWORK):
        return tuple(_in_network(name.removeprefix(NETWORK), NETWORK, shapes))
    if name.startswith(_FLOWS):  # a transformer alone
        return tuple(_in_network(name, "", shapes))
    for prefix, whose in _OPEN_CLIPS.items():
        if name.startswith(prefix):
            return tuple(_in_open_clip(name.removeprefix(prefix), whose, shapes[name]))
    for prefix, parts in _TEXTS.items():
        if name.startswith(prefix):
            return (_named(parts, layer.removeprefix(prefix), ending),)
    return ()


def block_at(layers: Sequence[Layer]) -> str:
    """The block that a weight is in; BASE for all that is outside of the denoising network's blocks."""
    return (block_of(layers[0].places[0]) or BASE) if layers else BASE


def ratio_of(block: str, row: Sequence[float], ratio: float) -> float:
    """How much of the other model a block takes: its number in the row, or `ratio` where there is no row."""
    return dict(zip(ROWS[ROW], row, strict=True)).get(block, ratio) if row else ratio


def _named(parts: Sequence[str], layer: str, ending: str, rows: Tensor | None = None) -> Layer:
    joined = layer.replace(".", "_").removeprefix("text_model_") + ending
    return Layer(tuple((part, joined) for part in parts), rows)


def _in_folder(part: str, layer: str, ending: str) -> tuple[Layer, ...]:
    parts = _FOLDERS.get(part, ())
    if part == TEXT_2 and layer.startswith(
        _T5_LAYERS
    ):  # FLUX's, which kohya's scripts call the third
        parts = (TEXT_2, TEXT_3)
    return (_named(parts, layer, ending),) if parts else ()


def _in_network(name: str, prefix: str, shapes: Shapes) -> Iterator[Layer]:
    """Of a denoising network in its published layout."""
    layer, _, kind = name.rpartition(".")
    ending = BIAS if kind == "bias" else ""
    if not _is_flow(prefix, shapes):
        yield _named((UNET,), from_original(layer.replace(".", "_")), ending)
        return
    # What a change of all its rows would be cut into says which rows are whose.
    height, width = (*shapes.get(f"{prefix}{layer}.weight", ()), 1, 1)[:2]
    numbers = torch.arange(height)[:, None]
    asked = {"up": numbers, "down": torch.empty(1, width, device="meta")}
    for own, cut in parted(layer.replace(".", "_"), asked):
        rows = cut["up"][:, 0]
        yield _named((UNET,), own, ending, None if torch.equal(rows, numbers[:, 0]) else rows)


def _is_flow(prefix: str, shapes: Shapes) -> bool:
    return any(prefix + mark in shapes for mark in MARKS.values())


def _in_open_clip(name: str, part: str, shape: Sequence[int]) -> Iterator[Layer]:
    """Of a text encoder of OpenCLIP, by transformers' names."""
    if name.startswith(BLOCKS):
        number, _, rest = name.removeprefix(BLOCKS).partition(".")
        found = open_clip_layer(f"{LAYERS}{number}.", rest, torch.arange(shape[0]))
    elif name in OPEN_CLIP:
        found = {OPEN_CLIP[name]: torch.arange(shape[0])}
    else:
        return
    for own, rows in found.items():
        layer, _, kind = own.rpartition(".")
        ending = BIAS if kind == "bias" else ""
        yield _named((part,), layer, ending, rows if len(found) > 1 else None)
