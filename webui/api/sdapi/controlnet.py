"""Units of the ControlNet extension: `alwayson_scripts.controlnet.args`, and the routes /controlnet/*."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from webui.api.context import ApiContext
from webui.api.sdapi.modules import module_details, processed
from webui.api.sdapi.pictures import encoded, kept
from webui.api.sdapi.route import SdapiRoute
from webui.contracts.conditions import AUTOMATIC_RESIZE, BALANCED, CONTROL_MODES
from webui.contracts.errors import BadRequest
from webui.contracts.ids import AdapterId, ImageId
from webui.contracts.infotext_controls import NAMES_OF_RESIZES, resize_called
from webui.contracts.preprocessor import Preprocessor
from webui.services.module_names import NONE, module_called, module_names

_HASH_BEHIND = re.compile(r"\s*\[[0-9a-f]{6,64}\]$")
_USUAL: dict[str, tuple[Any, ...]] = {
    "pixel_perfect": (False,),
    "low_vram": (False,),
    "lowvram": (False,),
    "processor_res": (-1, 512, 64, 0.5),
    "save_detected_map": (True, False),
    "hr_option": ("Both",),
    "mask": (None, ""),
    "mask_image": (None, ""),
}
"""Fields of a unit that change nothing at these values."""
_READ = (
    "enabled",
    "module",
    "model",
    "weight",
    "image",
    "input_image",
    "guidance_start",
    "guidance_end",
    "threshold_a",
    "threshold_b",
    "effective_region_mask",
    "control_mode",
    "resize_mode",
)


def controls_of(
    units: Sequence[Any], picture: ImageId | None, context: ApiContext
) -> tuple[list[dict[str, Any]], list[str]]:
    """The controls that units ask for; and what of the units means nothing here.

    Args:
        units: As the extension takes them.
        picture: What a unit without a picture follows: that which is drawn from.
        context: Knows controlnets.

    Raises:
        BadRequest: a unit names a preprocessor that is not here, or has no picture.
        UnknownAdapter: a controlnet is not here.
    """
    controls, ignored = [], []
    for place, unit in enumerate(units):
        if not isinstance(unit, dict):
            raise BadRequest(
                f"Unit {place} of controlnet is {repr(unit)[:60]}; an object was expected such as "
                "{'model': ..., 'image': ...}."
            )
        if unit.get("enabled", True) is False or unit.get("model") in (None, "", "None"):
            continue
        ignored += [
            f"alwayson_scripts.controlnet.args.{place}.{name}"
            for name, value in unit.items()
            if name not in _READ and value is not None and value not in _USUAL.get(name, ())
        ]
        controls.append(_control(unit, place, picture, context))
    return controls, ignored


def _control(
    unit: dict[str, Any], place: int, picture: ImageId | None, context: ApiContext
) -> dict[str, Any]:
    module = module_called(str(unit.get("module") or ""), _offered(context))
    name = AdapterId(_HASH_BEHIND.sub("", str(unit["model"])))
    given = unit.get("image") or unit.get("input_image")
    if isinstance(given, dict):
        given = given.get("image")
    if not given and picture is None:
        raise BadRequest(f"Unit {place} of controlnet has no picture in 'image'.")
    net = context.catalog.adapter("controlnet", name)
    image = kept(str(given), context) if given else picture
    if module is not None and image is not None:
        image = processed(context.images, image, module, unit)
    region = unit.get("effective_region_mask")
    return {
        "adapter": net.id,
        "image": image,
        "mask": kept(str(region), context) if region else None,
        "weight": unit.get("weight", 1.0),
        "start": unit.get("guidance_start", 0.0),
        "end": unit.get("guidance_end", 1.0),
        "mode": _mode(unit.get("control_mode")),
        # What shares the start image goes as that goes; an IP-Adapter sees a picture, and no places.
        "resize_mode": _resize(
            unit.get("resize_mode") if given and not net.needs_encoder else None
        ),
    }


# Any: a client's value, which the request checks where it is no number of a mode.
def _mode(given: Any) -> Any:
    """A control mode, which clients name or count."""
    known = isinstance(given, int) and 0 <= given < len(CONTROL_MODES)
    return CONTROL_MODES[int(given)] if known else BALANCED if given is None else given


def _resize(given: Any) -> Any:
    """A resize mode, which clients name or count; the request checks what is none."""
    modes = list(NAMES_OF_RESIZES)
    if given is None:
        return AUTOMATIC_RESIZE
    if isinstance(given, int):
        return modes[given] if 0 <= given < len(modes) else given
    return resize_called(str(given)) or given


class DetectBody(BaseModel):
    """Pictures for a preprocessor."""

    controlnet_module: str = NONE
    controlnet_input_images: list[str] = Field(default_factory=list, max_length=100)
    controlnet_processor_res: int = Field(-1, description="Pictures keep their size.")
    controlnet_threshold_a: float = -1
    controlnet_threshold_b: float = -1


def controlnet_router(context: ApiContext) -> APIRouter:
    """The routes /controlnet/*, which the extension has beside /sdapi/v1."""
    router = APIRouter(prefix="/controlnet", route_class=SdapiRoute, tags=["sdapi"])

    @router.get("/version", summary="The version of units that is understood")
    def version() -> dict[str, int]:
        """As the extension answers."""
        return {"version": 3}

    @router.get("/model_list", summary="List the controlnets")
    def models(update: bool = True) -> dict[str, list[str]]:  # noqa: ARG001  theirs
        """Names for `model` of a unit."""
        return {"model_list": [str(info.id) for info in context.catalog.adapters("controlnet")]}

    @router.get("/module_list", summary="List the preprocessors")
    def modules(alias_names: bool = False) -> dict[str, Any]:  # noqa: ARG001  theirs
        """For `module`: what makes the picture that a controlnet reads; 'none' where it is that already."""
        others = _offered(context)
        return {"module_list": module_names(others), "module_detail": module_details(others)}

    @router.post("/detect", summary="Make control pictures")
    def detect(body: DetectBody) -> dict[str, Any]:
        """Each picture through a preprocessor."""
        module = module_called(body.controlnet_module, _offered(context))
        unit = {
            "threshold_a": body.controlnet_threshold_a, "threshold_b": body.controlnet_threshold_b,
        }  # fmt: skip
        given = [kept(picture, context) for picture in body.controlnet_input_images]
        made = (
            given if module is None else [processed(context.images, i, module, unit) for i in given]
        )
        files = [context.images.path(image).read_bytes() for image in made]
        return {"images": [encoded(file) for file in files], "info": "Success"}

    @router.get("/control_types", summary="List controlnets by what they read")
    def types() -> dict[str, Any]:
        """As the extension groups them."""
        kinds: dict[str, list[str]] = {"All": []}
        for info in context.catalog.adapters("controlnet"):
            kinds["All"].append(str(info.id))
            kinds.setdefault(info.reads or "Other", []).append(str(info.id))
        modules = module_names(_offered(context))
        return {"control_types": {kind: _type(names, modules) for kind, names in kinds.items()}}

    @router.get("/settings", summary="How many units there may be")
    def settings() -> dict[str, int]:
        """As the extension answers."""
        return {"control_net_unit_count": 4}

    return router


def _offered(context: ApiContext) -> Sequence[Preprocessor]:
    """Preprocessors of the extensions in use."""
    return context.extensions.studio.preprocessors()


def _type(names: Sequence[str], modules: Sequence[str]) -> dict[str, Any]:
    first = names[0] if names else "None"
    return {
        "module_list": modules,
        "model_list": ["None", *names],
        "default_option": "none",
        "default_model": first,
    }
