"""ControlNet units that a text from elsewhere tells, by what is here: a text has no pictures, so they wait for theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from webui.contracts.adapter import AdapterInfo
from webui.contracts.conditions import (
    AUTOMATIC_RESIZE,
    BALANCED,
    MAX_CONTROLS,
    ControlMode,
    ControlResize,
)
from webui.contracts.errors import BadRequest
from webui.contracts.ids import AdapterId
from webui.contracts.infotext_controls import ToldUnit, is_unit, read_unit
from webui.contracts.preprocessor import Preprocessor
from webui.services.catalog import Catalog
from webui.services.module_names import module_called, settings_of

_NO_MODEL = "none"


@dataclass(frozen=True)
class WaitingControl:
    """A control that lacks nothing but its picture."""

    adapter: AdapterId
    weight: float
    start: float
    end: float
    mode: ControlMode
    resize_mode: ControlResize
    preprocessor: str = ""
    """What makes its picture of the one that is chosen; '' where that is ready for the network."""
    settings: Mapping[str, float] = field(default_factory=dict)
    """Of the preprocessor, those that were told."""


@dataclass(frozen=True)
class ToldControls:
    """What the units of a text come to."""

    waiting: tuple[WaitingControl, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences for the person: what is missing, what was not understood."""
    keys: frozenset[str] = frozenset()
    """Keys of the text that were units."""


def told_controls(
    pairs: Mapping[str, str], catalog: Catalog, offered: Sequence[Preprocessor]
) -> ToldControls:
    """The units among the pairs of a text.

    Args:
        pairs: Keys and values, also those that are no units.
        catalog: Knows controlnets.
        offered: Preprocessors of extensions, which are there beside Easel's own.
    """
    waiting: list[WaitingControl] = []
    notes, keys = list[str](), set[str]()
    for key, text in pairs.items():
        unit = read_unit(text) if is_unit(key) else None
        if unit is None:
            continue
        keys.add(key)
        control, said = _control(key, unit, catalog, offered)
        notes += said
        if control is not None:
            waiting.append(control)
    if len(waiting) > MAX_CONTROLS:
        gone = ", ".join(repr(str(one.adapter)) for one in waiting[MAX_CONTROLS:])
        notes.append(f"There may be {MAX_CONTROLS} controls, so these were left out: {gone}.")
        waiting = waiting[:MAX_CONTROLS]
    if waiting:
        named = ", ".join(repr(str(one.adapter)) for one in waiting)
        subject = f"controls {named} wait" if len(waiting) > 1 else f"control {named} waits"
        notes.append(
            f"A text has no control pictures, so the {subject} for one; choose it under Control."
        )
    return ToldControls(tuple(waiting), tuple(notes), frozenset(keys))


def _control(
    key: str, unit: ToldUnit, catalog: Catalog, offered: Sequence[Preprocessor]
) -> tuple[WaitingControl | None, list[str]]:
    """A unit by what is here, None where its network is not; and what is to be said of it."""
    if unit.model.lower() == _NO_MODEL:
        return None, [
            f"{key} used {unit.module[:60]!r} without a network, which is not here; it was left out."
        ]
    net = _net_called(unit.model, catalog)
    if net is None:
        return None, [f"The controlnet {unit.model[:100]!r} is not here, so {key} was left out."]
    unused, notes = dict(unit.unused), list[str]()
    if unit.mode != BALANCED and (net.is_ip_adapter or net.network is not None):
        unused["Control Mode"] = unit.mode  # it knows none
        unit = replace(unit, mode=BALANCED)
    if net.needs_encoder:  # it sees a picture, and no places
        unit = replace(unit, resize_mode=AUTOMATIC_RESIZE)
    try:
        module = module_called(unit.module, offered)
    except BadRequest:
        module = None
        notes.append(
            f"The preprocessor {unit.module[:60]!r} is not here; give {key} a picture that is ready for its network."
        )
    if unused:
        told = ", ".join(f"{name}: {value[:40]}" for name, value in unused.items())
        notes.append(f"Not used of {key}, as it means nothing here: {told[:300]}.")
    control = WaitingControl(
        net.id, unit.weight, unit.start, unit.end, unit.mode, unit.resize_mode,
        module.name if module else "", settings_of(module, unit.thresholds) if module else {},
    )  # fmt: skip
    return control, notes


def _net_called(name: str, catalog: Catalog) -> AdapterInfo | None:
    """The controlnet whose id or file has the name, in capitals or not; an id comes first."""
    wanted = name.strip().lower()
    nets = catalog.adapters("controlnet")
    by_id = next((net for net in nets if net.id.lower() == wanted), None)
    return by_id or next((net for net in nets if net.name.lower() == wanted), None)
