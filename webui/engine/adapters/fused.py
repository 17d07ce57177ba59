"""LoRAs of SD 3 and FLUX in the published names, whose layers diffusers keeps apart.

Queries, keys and values are one layer there, and in FLUX's single blocks the MLP's first is part of it. A change of
such a layer is cut into rows, one piece for each of diffusers' layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from webui.contracts.lora_keys import LISTED
from webui.engine.adapters.dialects.kronecker import ROWS, Span, product_size
from webui.engine.flow_layout import flux, sd3

_BLOCK = re.compile(r"(double_blocks|single_blocks|joint_blocks)_(\d+)_(.+)")
_PLACES = {
    flux.DOUBLE: "transformer_blocks", flux.SINGLE: "single_transformer_blocks",
    sd3.BLOCKS: "transformer_blocks",
}  # fmt: skip
_WIDTHS_OF_SINGLE = (1, 1, 1, 4)
"""FLUX's `linear1` is queries, keys, values and an MLP of four times their width."""
_BY_ROW = ("up", "diff", "diff_b", "hada_w1_a", "hada_w2_a", "magnitude")
"""Pieces with a row for each of the layer's outputs."""
_WHOLE = ("down", "hada_w1_b", "hada_w2_b")
"""Pieces that all rows share."""
_KRONECKER = "lokr_"
"""How pieces begin whose rows show in their product alone: which are meant is written beside them."""


def _joined(table: Mapping[str, str]) -> dict[str, str]:
    return {one.replace(".", "_"): other.replace(".", "_") for one, other in table.items()}


_ENDS = {**_joined(flux.ENDS), **_joined(sd3.ENDS), "img_in_proj": "x_embedder"}
_INNER = {
    flux.DOUBLE: _joined(flux.IN_DOUBLE), flux.SINGLE: _joined(flux.IN_SINGLE),
    sd3.BLOCKS: _joined(sd3.IN_BLOCK),
}  # fmt: skip
_THIRDS = {
    kind: {name.replace(".", "_"): names for name, names in table.items()}
    for kind, table in ((flux.DOUBLE, flux.ATTENTION), (sd3.BLOCKS, sd3.ATTENTION))
}
_THIRDS[flux.SINGLE] = {"linear1_qkv": ("attn.to_q", "attn.to_k", "attn.to_v")}
"""XLabs changes no MLP."""
_APART = {
    kind: {f"{name.removesuffix(end)}_{at}": ours.replace(".", "_") for name, names in _THIRDS[kind].items() for at, ours in enumerate(names)}
    for kind, end in ((flux.DOUBLE, ""), (flux.SINGLE, "_qkv"), (sd3.BLOCKS, ""))
}  # fmt: skip
"""OneTrainer's newer files name each of the layers that one was by its number."""
_APART[flux.SINGLE]["linear1_3"] = "proj_mlp"
_LAST_NORM = flux.LAST_NORM.replace(".", "_")
_TEXT_NORM = sd3.TEXT_NORM.replace(".", "_")


def parted(name: str, pieces: Mapping[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Diffusers' layers of a layer, joined by underscores, each with its pieces; other names stay as they are.

    Raises:
        ValueError: the pieces cannot be cut into rows.
    """
    if LISTED[0] in pieces and LISTED[1] not in pieces:
        pieces = _own_blocks(name, pieces, 0)
    if name == _LAST_NORM:
        yield "norm_out_linear", _cut(name, pieces, _halves_swapped(_rows(name, pieces)))
        return
    found = _BLOCK.fullmatch(name)
    if found is None:
        yield _ENDS.get(name, name), dict(pieces)
        return
    kind, number, inner = found.groups()
    place = f"{_PLACES[kind]}_{number}_"
    if inner in _THIRDS.get(kind, {}):
        cuts = _cuts(name, pieces, (1, 1, 1))
        for ours, cut in zip(_THIRDS[kind][inner], cuts, strict=True):
            yield place + ours.replace(".", "_"), cut
    elif kind == flux.SINGLE and inner == "linear1":
        names = ("attn_to_q", "attn_to_k", "attn_to_v", "proj_mlp")
        for ours, cut in zip(names, _cuts(name, pieces, _WIDTHS_OF_SINGLE), strict=True):
            yield place + ours, cut
    elif kind == sd3.BLOCKS and inner == _TEXT_NORM and _is_last(name, pieces):
        yield (
            f"{place}norm1_context_linear",
            _cut(name, pieces, _halves_swapped(_rows(name, pieces))),
        )
    else:
        yield place + {**_INNER[kind], **_APART[kind]}.get(inner, inner), dict(pieces)


def _cuts(
    name: str, pieces: Mapping[str, Tensor], widths: Sequence[int]
) -> Iterator[dict[str, Tensor]]:
    """The pieces for each of the layers, which are as wide as these are to one another."""
    if LISTED[0] in pieces:  # OFT of kohya has blocks of its own for each
        yield from (_own_blocks(name, pieces, number) for number in range(len(widths)))
        return
    share, end = _rows(name, pieces) // sum(widths), 0
    for width in widths:
        begin, end = end, end + width * share
        yield _cut(name, pieces, [(begin, end)])


def _own_blocks(name: str, pieces: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    if LISTED[number] not in pieces:
        raise ValueError(f"the turn of {name!r} has no blocks for layer {number + 1} of it.")
    others = {piece: tensor for piece, tensor in pieces.items() if piece not in LISTED}
    return {**others, "oft_blocks": pieces[LISTED[number]]}


def _is_last(name: str, pieces: Mapping[str, Tensor]) -> bool:
    """Whether a norm of the text has shift and scale alone, as the last block's; others have three pairs and more."""
    if _is_kronecker(pieces):
        rows, columns = product_size(pieces)
        return rows == 2 * columns
    down = pieces.get("down", pieces.get("diff"))
    return down is not None and _rows(name, pieces) == 2 * down.shape[1]


def _is_kronecker(pieces: Mapping[str, Tensor]) -> bool:
    return any(piece.startswith(_KRONECKER) for piece in pieces)


def _halves_swapped(rows: int) -> list[Span]:
    return [(rows // 2, rows), (0, rows // 2)]


def _rows(name: str, pieces: Mapping[str, Tensor]) -> int:
    """Outputs of the layer.

    Raises:
        ValueError: the change is in a dialect that has no rows of its own.
    """
    if _is_kronecker(pieces):
        return product_size(pieces)[0]
    rows = next((pieces[piece].shape[0] for piece in _BY_ROW if piece in pieces), None)
    foreign = sorted(set(pieces) - {*_BY_ROW, *_WHOLE})
    if rows is None or foreign:
        raise ValueError(
            f"{name!r} is several layers in one, and a change of it by {', '.join(foreign or pieces)} cannot be "
            "taken apart; LoRA, LoHa, LoKr, DoRA, full differences and kohya's OFT can."
        )
    return rows


def _cut(name: str, pieces: Mapping[str, Tensor], spans: Sequence[Span]) -> dict[str, Tensor]:
    """The pieces for some rows. A magnitude by column (one row) is that of the whole layer, and cannot be cut."""
    rows = _rows(name, pieces)
    cut: dict[str, Tensor] = {ROWS: torch.tensor(spans)} if _is_kronecker(pieces) else {}
    for piece, tensor in pieces.items():
        if piece in _BY_ROW and tensor.shape[0] != rows:
            raise ValueError(
                f"the {piece} of {name!r} has {tensor.shape[0]} rows; {rows} were expected."
            )
        by_row = piece in _BY_ROW
        cut[piece] = torch.cat([tensor[a:b] for a, b in spans]) if by_row else tensor
    return cut
