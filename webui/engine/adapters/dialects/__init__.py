"""The dialects of LoRA: one a file, each from the pieces of a place to the change of its weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from webui.engine.adapters.dialects import (
    full,
    general,
    hadamard,
    kronecker,
    low_rank,
    peft_rotating,
    rotating,
    scaling,
)
from webui.engine.adapters.dialects.change import Change, Pieces
from webui.engine.adapters.dialects.decomposed import Decomposed

__all__ = ["BIAS", "DIALECTS", "Dialect", "changes_of"]

BIAS = ".bias"
"""Ending of a place's name where its bias is meant."""


@dataclass(frozen=True)
class Dialect:
    """A way to write the change of a weight."""

    name: str
    marks: tuple[str, ...]
    """Pieces of which any tells that a place is written in it."""
    read: Callable[[Pieces], Change]
    """Raises ValueError where pieces are missing or do not fit one another."""


DIALECTS: tuple[Dialect, ...] = (
    Dialect("LoRA", ("down", "up", "mid"), low_rank.read),
    Dialect("LoHa", ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), hadamard.read),
    Dialect("LoKr", ("lokr_w1", "lokr_w1_a", "lokr_w2", "lokr_w2_a"), kronecker.read),
    Dialect("GLoRA", ("a1", "a2", "b1", "b2"), general.read),
    Dialect("(IA)^3", ("on_input", "ia3_l"), scaling.read),
    Dialect("OFT and BOFT", ("oft_blocks", "oft_diag"), rotating.read),
    Dialect("OFT of PEFT", ("oft_R",), peft_rotating.read),
    Dialect("full", ("diff", "w_norm"), full.read),
)


def changes_of(pieces: Pieces) -> Iterator[tuple[str, Change]]:
    """The changes of a place, each with what its name ends with: '' for the weight, or BIAS.

    Raises:
        ValueError: pieces are missing, or it is written in no dialect that we know.
    """
    dialects = [d for d in DIALECTS if any(mark in pieces.tensors for mark in d.marks)]
    for dialect in dialects[:1]:
        change, magnitude = dialect.read(pieces), pieces.tensors.get("magnitude")
        yield "", change if magnitude is None else Decomposed(change, magnitude)
    bias: Change | None = full.read_bias(pieces) or scaling.read_bias(pieces)
    if bias is not None:
        yield BIAS, bias
    elif not dialects:
        raise ValueError(f"{pieces.where!r} has only {', '.join(sorted(pieces.tensors))}.")
