"""What both layouts need: names by table, and rows of a weight that diffusers keeps apart or the other way round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from webui.engine.packed.weight import Stored, rows_of, unpacked


def parted(weight: Stored, names: Sequence[str], rows: Sequence[int]) -> dict[str, Stored]:
    """A weight's rows under several names, so many for each.

    Raises:
        ValueError: it has another number of rows.
    """
    if weight.shape[0] != sum(rows):
        raise ValueError(
            f"a weight of {weight.shape[0]} rows becomes {', '.join(names)}, which have {sum(rows)}"
        )
    found: dict[str, Stored] = {}
    at = 0
    for name, count in zip(names, rows, strict=True):
        found[name] = rows_of(weight, at, at + count)
        at += count
    return found


def thirds(weight: Stored, names: Sequence[str]) -> dict[str, Stored]:
    """A weight's rows under three names."""
    return parted(weight, names, (weight.shape[0] // 3,) * 3)


def halves_swapped(weight: Stored) -> Tensor:
    """Shift and scale of a last norm, which diffusers has as scale and shift."""
    shift, scale = unpacked(weight).chunk(2)
    return torch.cat((scale, shift))


def renamed(name: str, table: Mapping[str, str]) -> str | None:
    """The name with its module looked up in a table; None where it is not there."""
    module, _, what = name.rpartition(".")
    return f"{table[module]}.{what}" if module in table else None


def block_of(name: str) -> tuple[str, int, str] | None:
    """('double_blocks', 3, 'img_mlp.0.weight') of such a name; None of others."""
    parts = name.split(".", 2)
    return (parts[0], int(parts[1]), parts[2]) if len(parts) == 3 and parts[1].isdigit() else None


def count_blocks(names: Mapping[str, object], kind: str) -> int:
    """How many blocks of a kind there are."""
    return len({b[1] for name in names if (b := block_of(name)) is not None and b[0] == kind})
