"""A unit of AUTOMATIC1111's ControlNet extension, as a `parameters` text has it: the value of `ControlNet 0`.

The extension writes `Module: canny, Model: control_v11p_sd15_canny [d14c016b], Weight: 1, Threshold A: 100,
Guidance Start: 0, ...`, Forge too (sd-webui-controlnet, scripts/infotext.py); versions of old wrote
`preprocessor: canny, model: ..., weight: 1, starting/ending: (0, 1), preprocessor params: (512, 100, 200)`.
The picture is in neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from webui.contracts.conditions import (
    AUTOMATIC_RESIZE,
    BALANCED,
    CONTROL_MODES,
    CONTROL_RESIZES,
    ControlMode,
    ControlResize,
)

_KEY = re.compile(r"ControlNet (\d{1,2})", re.IGNORECASE)
_FIELD = re.compile(r"\s*(\w[\w /]{1,40}):\s*(\([^()]*\)|[^,]*)(?:,|$)")
_HASH_BEHIND = re.compile(r"\s*\[[0-9a-fA-F]{6,64}\]$")
_OLD_NAMES = {"preprocessor": "module"}
_OLD_PAIRS = {
    "starting/ending": ("guidance start", "guidance end"),
    "preprocessor params": ("processor res", "threshold a", "threshold b"),
}
"""Numbers in brackets, and what each is called since."""
_READ = ("module", "model", "weight", "guidance start", "guidance end", "threshold a", "threshold b",
         "control mode", "resize mode")  # fmt: skip
_USUAL: Mapping[str, tuple[str, ...]] = {
    "processor res": ("-1", "512", "64", "0.5"),
    "hr option": ("Both",),
    "pixel perfect": ("True", "False"),
    "low vram": ("True", "False"),
    "save detected map": ("True", "False"),
}
"""What a unit has that changes nothing here at these values."""
_PAGE = ("enabled", "input mode", "batch images", "output dir", "loopback", "use preview as input")
"""What a unit has of the page that it was filled in on."""
_, STRETCHED, CROPPED, FILLED = CONTROL_RESIZES
NAMES_OF_RESIZES: Mapping[ControlResize, str] = {
    STRETCHED: "Just Resize",
    CROPPED: "Crop and Resize",
    FILLED: "Resize and Fill",
}
"""As the extension writes and, in this order, counts them; it knows none that is automatic."""
_RESIZES_OF_OLD: Mapping[str, ControlResize] = {
    "scale to fit (inner fit)": CROPPED,
    "inner fit (scale to fit)": CROPPED,
    "envelope (outer fit)": FILLED,
    "outer fit (shrink to fit)": FILLED,
}
_MOST_WEIGHT = 2.0
_MOST_THRESHOLD = 1e6
"""Of any preprocessor; each has a range of its own."""


@dataclass(frozen=True)
class ToldUnit:
    """A unit without its picture, by the names that the other program has."""

    module: str
    """The preprocessor; 'none' where the picture was ready for the network."""
    model: str
    """The network's file without its ending, and without the hash behind it; 'None' where there was none."""
    weight: float = 1.0
    start: float = 0.0
    """From which fraction of the steps on it steered."""
    end: float = 1.0
    """Up to which; always beyond `start`."""
    mode: ControlMode = BALANCED
    resize_mode: ControlResize = AUTOMATIC_RESIZE
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """`threshold_a` and `threshold_b`, where the preprocessor had them."""
    unused: Mapping[str, str] = field(default_factory=dict)
    """What has no place here, as it is written."""


def is_unit(key: str) -> bool:
    """Whether a key of a text is that of a unit, which `read_unit` reads."""
    return _KEY.fullmatch(key) is not None


def resize_called(name: str) -> ControlResize | None:
    """The resize mode of a unit that a program names, in capitals or not; None where it has no such name."""
    wanted = name.strip().lower()
    called = {their.lower(): ours for ours, their in NAMES_OF_RESIZES.items()}
    return (called | dict(_RESIZES_OF_OLD)).get(wanted)


def read_unit(text: str) -> ToldUnit | None:
    """The unit that a text tells; None where it names no network, and so is none."""
    given = _fields(text)
    told = {key.lower(): value for key, value in given.items()}
    if not told.get("model"):
        return None
    unused = {
        key: value
        for key, value in given.items()
        if (name := key.lower()) not in (*_READ, *_PAGE) and value not in _USUAL.get(name, ())
    }
    known, refused = _known(told)
    unused |= {key: value for key, value in given.items() if key.lower() in refused}
    return replace(
        known,
        module=told.get("module") or "none",
        model=_HASH_BEHIND.sub("", told["model"]),
        unused=unused,
    )


def _known(told: Mapping[str, str]) -> tuple[ToldUnit, set[str]]:
    """The values that can be taken, the usual ones for others; and the names of those."""
    unit, refused = ToldUnit("", ""), set[str]()
    weight = _number(told.get("weight", "1"), _MOST_WEIGHT)
    if weight is None:
        refused.add("weight")
    else:
        unit = replace(unit, weight=weight)
    start, end = _number(told.get("guidance start", "0")), _number(told.get("guidance end", "1"))
    if start is None or end is None or start >= end:
        refused |= {"guidance start", "guidance end"}
    else:
        unit = replace(unit, start=start, end=end)
    wanted = told.get("control mode", BALANCED).lower()
    mode = next((mode for mode in CONTROL_MODES if mode.lower() == wanted), None)
    if mode is None:
        refused.add("control mode")
    resize = resize_called(told["resize mode"]) if "resize mode" in told else AUTOMATIC_RESIZE
    if resize is None:
        refused.add("resize mode")
    thresholds = {
        name.replace(" ", "_"): number
        for name in ("threshold a", "threshold b")
        if (number := _number(told.get(name, ""), _MOST_THRESHOLD)) is not None
    }
    unit = replace(unit, mode=mode or BALANCED, resize_mode=resize or AUTOMATIC_RESIZE)
    return replace(unit, thresholds=thresholds), refused


def _fields(text: str) -> dict[str, str]:
    """Keys and values, those of old under the names that they have since."""
    found: dict[str, str] = {}
    for match in _FIELD.finditer(text):
        key, value = match[1].strip(), match[2].strip()
        names = _OLD_PAIRS.get(key.lower())
        if names and value.startswith("("):
            found |= dict(zip(names, (one.strip() for one in value[1:-1].split(",")), strict=False))
        else:
            found[_OLD_NAMES.get(key.lower(), key)] = value
    return found


def _number(text: str, most: float = 1.0) -> float | None:
    """A number from 0 to `most`; None where the text is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= most else None
