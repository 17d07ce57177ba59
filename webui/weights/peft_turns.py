"""What the adapter_config.json of PEFT says of an OFT beside it, whose file has numbers alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

from webui.contracts.errors import BrokenModel
from webui.weights.peft_config import CONFIG, read_peft_config

_MOST_TERMS = 100
_MARK = "oft_R"


@dataclass(frozen=True)
class PeftTurns:
    """How the turns of an OFT of PEFT are computed."""

    is_shared: bool
    """Whether one block turns all inputs (`block_share`)."""
    limit: float | None
    """What a block's skew matrix may at most measure, times the root of their number (COFT, `eps`); None: anything."""
    terms: int | None
    """Of the series that stands for the Cayley transform (`num_cayley_neumann_terms`); None: the transform itself."""


def has_peft_turns(names: Iterable[str]) -> bool:
    """Whether tensors of these names are an OFT of PEFT."""
    return any(_MARK in name for name in names)


def block_side(numbers: int) -> int:
    """The side n of a block of which a file has n (n - 1) / 2 numbers, those above the diagonal.

    Raises:
        ValueError: no block has so many.
    """
    side = (1 + isqrt(1 + 8 * numbers)) // 2
    if numbers < 1 or side * (side - 1) // 2 != numbers:
        raise ValueError(f"{numbers} numbers are those above the diagonal of no square")
    return side


def read_turns(file: Path) -> PeftTurns:
    """What the configuration beside a file says.

    Raises:
        LacksFile: there is none.
        BrokenModel: it is no configuration of an OFT, or of an edition that leaves open how turns are computed.
    """
    said = read_peft_config(
        file, "OFT", "It is an OFT of PEFT, whose file does not say how its turns are computed"
    )
    return _turns(said, file.with_name(CONFIG))


# Any: what a file of JSON says.
def _turns(said: dict[str, Any], path: Path) -> PeftTurns:
    neumann, terms, eps = (
        said.get(name) for name in ("use_cayley_neumann", "num_cayley_neumann_terms", "eps")
    )
    counts = isinstance(terms, int) and 1 <= terms <= _MOST_TERMS
    measures = isinstance(eps, int | float) and eps > 0
    if not isinstance(neumann, bool) or not measures or (neumann and not counts):
        raise BrokenModel(
            f"{str(path)!r} says use_cayley_neumann {neumann!r}, num_cayley_neumann_terms {terms!r} and eps {eps!r}; "
            "true or false, a small whole number and a number above 0 were expected. It is of an edition of PEFT that "
            "computed turns otherwise: save it by a newer one."
        )
    limit = float(eps or 0) if said.get("coft") is True else None
    return PeftTurns(said.get("block_share") is True, limit, terms if neumann else None)
