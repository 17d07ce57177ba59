"""Always-on scripts of AUTOMATIC1111 that are fields of a request here: refiner, soft inpainting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException

from webui.api.context import ApiContext
from webui.api.sdapi.controlnet import controls_of
from webui.api.sdapi.options import checkpoint
from webui.contracts.ids import ImageId

_SOFT = ("soft_inpainting", "soft_schedule_bias", "soft_preservation", "soft_contrast_boost",
         "soft_mask_influence", "soft_difference_threshold", "soft_difference_contrast")  # fmt: skip
"""Fields that the script's arguments set, in their order."""

Fields = tuple[dict[str, Any], list[str]]
"""Of a request; and the names of what means nothing here."""


def script_fields(
    scripts: Mapping[str, Any], picture: ImageId | None, context: ApiContext
) -> Fields:
    """Fields that always-on scripts set.

    Raises:
        HTTPException: 422, a script is unknown.
        BadRequest: its arguments cannot be used.
    """
    fields: dict[str, Any] = {}
    ignored: list[str] = []
    for name, script in scripts.items():
        read = _SCRIPTS.get(name.lower())
        if read is None:
            known = ", ".join(_SCRIPTS)
            raise HTTPException(
                422, f"There is no always-on script {name[:100]!r}. Those that there are: {known}."
            )
        given = script.get("args", []) if isinstance(script, dict) else script
        arguments = given if isinstance(given, list) else [] if given is None else [given]
        made, left = read(arguments, picture, context)
        fields |= made
        ignored += left
    return fields, ignored


def _controlnet(arguments: Sequence[Any], picture: ImageId | None, context: ApiContext) -> Fields:
    controls, ignored = controls_of(arguments, picture, context)
    return {"controls": controls}, ignored


def _refiner(arguments: Sequence[Any], _: ImageId | None, context: ApiContext) -> Fields:
    enabled, name, switch_at = (*arguments, *(None,) * 3)[:3]
    if not enabled or not name:
        return {}, []
    moment = {} if switch_at is None else {"refiner_switch_at": switch_at}
    return {"refiner": checkpoint(str(name), context), **moment}, []


def _soft_inpainting(
    arguments: Sequence[Any],
    _: ImageId | None,
    context: ApiContext,  # noqa: ARG001  one shape
) -> Fields:
    if len(arguments) == 1 and isinstance(arguments[0], dict):  # by the titles of its controls
        said = {str(name).lower(): value for name, value in arguments[0].items()}
        arguments = [
            said.get(name) for name in ("soft inpainting", "schedule bias", "preservation strength",
            "transition contrast boost", "mask influence", "difference threshold", "difference contrast")
        ]  # fmt: skip
    pairs = zip(_SOFT, arguments, strict=False)
    return {name: value for name, value in pairs if value is not None}, []


_SCRIPTS: Mapping[str, Callable[[Sequence[Any], ImageId | None, ApiContext], Fields]] = {
    "controlnet": _controlnet,
    "refiner": _refiner,
    "soft inpainting": _soft_inpainting,
}
"""Title, lower case, to what reads its arguments."""
SCRIPTS = tuple(_SCRIPTS)
OF_MASKS = ("soft inpainting",)
"""Those that txt2img has no use for."""
