"""How a parameter is declared, once, for the page, the API, the command line and the metadata."""

from __future__ import annotations

from dataclasses import dataclass

from webui.contracts.adapter import AdapterKind


@dataclass(frozen=True)
class Parameter:
    """What a control, the metadata and the help need of a field beyond its type and range."""

    title: str
    """Label of the control."""
    help: str
    """One sentence, shown on hover and in the API's schema."""
    infotext: str | None
    """Key in AUTOMATIC1111's `parameters` text; None where it is not one of its keys."""
    step: float = 1
    """Step of a slider."""
    soft_minimum: float | None = None
    """Where a slider starts, when the allowed range is wider than what is useful."""
    soft_maximum: float | None = None
    """Where a slider ends, and what is typed beside it; at least where other programs' sliders do."""
    empty: str = "automatic"
    """What leaving it empty means, where it may be empty."""
    lines: tuple[int, int] | None = None
    """Of a text: lines shown at first, and lines that its box may grow to."""
    names_model: bool = False
    """Whether it is the id of a checkpoint, or empty."""
    choices: tuple[str, ...] = ()
    """What a text may be, where it is one of a few."""
    extensible: bool = False
    """Whether extensions may offer further choices, named 'extension/choice'."""
    names_adapter: AdapterKind | None = None
    """Of which kind an adapter may be whose id, which has a / in it, stands in place of a choice."""
