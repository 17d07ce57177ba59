from __future__ import annotations

from dataclasses import replace
from typing import Any

from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.contracts.parameters.grouping import Grouping
from webui.contracts.parameters.hires import HiresParameters
from webui.contracts.parameters.inpainting import Inpainting
from webui.contracts.parameters.loopback import Loopback
from webui.contracts.parameters.other_models import OtherModels
from webui.contracts.parameters.outpainting import Outpainting
from webui.contracts.parameters.regions import Regions
from webui.contracts.parameters.soft_inpainting import SoftInpainting
from webui.contracts.parameters.start_image import StartImage
from webui.contracts.parameters.upscaling import Upscaling
from webui.contracts.request import PARAMETERS
from webui.services.catalog import Catalog
from webui.ui.build import build_ui
from webui.ui.context import UiContext
from webui.ui.doors import DESCRIBED


def ids_of(context: UiContext) -> set[str]:
    components: list[dict[str, Any]] = build_ui(context).get_config_file()["components"]
    return {str(c["props"].get("elem_id")) for c in components}


BEYOND_FORMS = {"loras", "template", "negative_template", "texts", *Grouping.model_fields}
"""What a program can order over HTTP and no tab has a control for."""
WITH_IMAGE = {"image", *StartImage.model_fields}
FOR_IMAGE_ALONE = set(Loopback.model_fields)
WITH_MASK = {
    "mask",
    *Inpainting.model_fields,
    *SoftInpainting.model_fields,
    *Outpainting.model_fields,
}
WITH_MAP = {"class_map", "boxes", *Regions.model_fields}
WITH_HIRES = {*HiresParameters.model_fields, *OtherModels.model_fields}
WITH_CONTROLS = {"controls", "class_label"}
WITH_DEPTH = {"controls", "depth_map", "class_label"}
OWN = {
    "txt2img": WITH_HIRES | WITH_DEPTH | {"plot"},
    "img2img": WITH_IMAGE | FOR_IMAGE_ALONE | WITH_DEPTH | {"plot", "noise_augmentation"},
    "inpaint": WITH_IMAGE | WITH_MASK | WITH_CONTROLS, "semantic": WITH_MAP,
    "live": WITH_MAP - {"map_driver"} | {"image"},
}  # fmt: skip
"""What each tab that draws has beyond what all have."""
FOR_UPSCALE = {"noise_augmentation", *Upscaling.model_fields}


def test_every_parameter_has_a_control_in_the_tabs_that_it_is_for(context: UiContext) -> None:
    for_some = set().union(*OWN.values()) | BEYOND_FORMS | FOR_UPSCALE | {"denoising_strength"}
    ids = ids_of(context)
    for tab, own in OWN.items():
        assert {f"{tab}-{name}" for name in (set(PARAMETERS) - for_some) | own} <= ids
    wanted = FOR_UPSCALE | {"image", "model", "sampler", "schedule", "steps", "seed"}
    wanted |= {"prompt", "negative_prompt", "guidance_scale", "extensions"}
    assert {f"upscale-{name}" for name in wanted} <= ids


def test_each_menu_offers_the_models_of_the_tabs_tasks(context: UiContext) -> None:
    mender = replace(FAKE_CHECKPOINT, id=ModelId("fake/mender"), task="inpaint")
    varier = replace(FAKE_CHECKPOINT, id=ModelId("fake/varier"), task="variation")
    catalog = Catalog([], built_in=[mender, varier, FAKE_CHECKPOINT])
    config = build_ui(replace(context, catalog=catalog)).get_config_file()
    menus: list[dict[str, Any]] = [
        c["props"]
        for c in config["components"]
        if str(c["props"].get("elem_id")).endswith("-model")
    ]
    offered = {menu["elem_id"]: [value for _, value in menu["choices"]] for menu in menus}
    assert offered == {
        "txt2img-model": ["fake/gradient"],
        "img2img-model": ["fake/gradient", "fake/varier"],
        "inpaint-model": ["fake/mender", "fake/gradient"],
        "semantic-model": ["fake/gradient"],
        "upscale-model": ["fake/gradient"],
        "live-model": ["fake/gradient"],
    }


def test_the_page_has_its_parts(context: UiContext) -> None:
    canvases = {"inpaint-canvas", "semantic-canvas", "live-canvas"}
    assert {"ez-header", "ez-stage", "ez-tab-gallery", "txt2img-generate"} | canvases <= ids_of(
        context
    )


def test_no_handler_waits_in_gradios_queue(context: UiContext) -> None:
    dependencies: list[dict[str, Any]] = build_ui(context).get_config_file()["dependencies"]
    assert dependencies
    assert not [d for d in dependencies if d["backend_fn"] and d["queue"] is not False]


def test_the_page_needs_no_heartbeat_connection(context: UiContext) -> None:
    # Browsers allow six connections to a host over all tabs: each held open costs a tab.
    assert build_ui(context).get_config_file()["connect_heartbeat"] is False


def test_no_handler_listens_to_every_control_of_a_form(context: UiContext) -> None:
    """The page's script looks for each component that is listened to at every start, among all there are."""
    handlers = build_ui(context).get_config_file()["dependencies"]
    assert max(len(handler["targets"]) for handler in handlers) <= 4
    assert all(component is not None for each in handlers for component, _ in each["targets"])


def test_what_fills_a_form_does_not_tell_each_control_how_far_it_is(context: UiContext) -> None:
    handlers = build_ui(context).get_config_file()["dependencies"]
    filling = [each for each in handlers if each["backend_fn"] and len(each["outputs"]) > 4]
    assert filling
    assert all(len(each["show_progress_on"]) == 1 for each in filling)


def test_the_page_has_no_description_for_programs(context: UiContext) -> None:
    blocks = build_ui(context)
    assert blocks.get_api_info() == {"named_endpoints": {}, "unnamed_endpoints": {}}
    described = {name for each in blocks.get_config_file()["components"] for name in each}
    assert not described & {*DESCRIBED}
