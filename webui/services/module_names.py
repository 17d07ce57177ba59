"""Preprocessors by the names that the ControlNet extension has for them: `module` of a unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from webui.contracts.errors import BadRequest
from webui.services.preprocessors import PREPROCESSORS, Preprocessor

NONE = "none"
ALIASES: Mapping[str, str] = {
    "lineart_standard": "lineart",
    "scribble_xdog": "scribble",
    "tile_resample": "tile",
    "blur_gaussian": "blur",
    "recolor_luminance": "recolor",
    "recolor_intensity": "recolor",
}
"""Their names of ours; those that run a network are not here."""
_LOOKS = (
    "ip-adapter-auto", "ip-adapter_clip_sd15", "ip-adapter_clip_sdxl", "ip-adapter_clip_sdxl_plus_vith",
    "ip-adapter_clip_g", "ip-adapter_clip_h", "clip-vit-h", "clip-vit-bigg", "clip-g", "clip-h",
)  # fmt: skip
"""What looks at a picture for an IP-Adapter: here the image encoder that the file itself asks for."""
THRESHOLDS = ("threshold_a", "threshold_b")
"""A unit's two numbers, which mean what the preprocessor takes them for."""


def module_called(name: str, others: Sequence[Preprocessor] = ()) -> Preprocessor | None:
    """The preprocessor of a name; None for 'none', and for what looks at a picture in a network's stead.

    Args:
        name: However it is capitalised.
        others: Those of extensions, which are there beside Easel's own.

    Raises:
        BadRequest: there is none of the name.
    """
    by_name = {each.name.lower(): each for each in others}
    if (offered := by_name.get(name.strip().lower())) is not None:
        return offered
    bare = name.split(" (")[0].strip().lower()  # 'invert (from white bg & black line)'
    if bare in ("", NONE, *_LOOKS):
        return None
    wanted = ALIASES.get(bare, bare)
    found = next((each for each in PREPROCESSORS if each.name == wanted), None)
    if found is None:
        known = ", ".join(module_names(others))
        raise BadRequest(
            f"There is no preprocessor {name[:60]!r}. Those that there are: {known}. Or send the picture that the "
            "controlnet reads, and 'none'."
        )
    return found


def module_names(others: Sequence[Preprocessor] = ()) -> list[str]:
    """Names for `module`; `others` are those of extensions."""
    return [NONE, *(each.name for each in (*PREPROCESSORS, *others)), *ALIASES]


def settings_of(module: Preprocessor, unit: Mapping[str, object]) -> dict[str, float]:
    """The preprocessor's settings that a unit's thresholds are; without those that are out of range, as -1 is."""
    settings = {}
    for key, setting in zip(THRESHOLDS, module.settings, strict=False):
        given = unit.get(key)
        if not isinstance(given, (int, float)) or isinstance(given, bool):
            continue
        if setting.low <= given <= setting.high:
            settings[setting.name] = float(given)
    return settings
