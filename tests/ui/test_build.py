from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.contracts.request import PARAMETERS
from webui.services.catalog import Catalog
from webui.ui.build import build_ui
from webui.ui.context import UiContext


def ids_of(context: UiContext) -> set[str]:
    components: list[dict[str, Any]] = build_ui(context).get_config_file()["components"]
    return {str(c["props"].get("elem_id")) for c in components}


BEYOND_FORMS = {
    "mask", "class_map", "depth_map", "boxes", "controls", "loras", "noise_augmentation",
}  # fmt: skip
"""What a program can order over HTTP and no tab has a control for."""


def test_every_parameter_has_a_control_in_the_tabs_that_it_is_for(context: UiContext) -> None:
    ids = ids_of(context)
    ours = set(PARAMETERS) - BEYOND_FORMS
    hires = {name for name in ours if name.startswith("hires_")}
    assert {f"img2img-{name}" for name in ours - hires} <= ids
    assert {f"txt2img-{name}" for name in ours - {"image"}} <= ids


def test_the_menus_offer_models_that_draw_from_text_alone(context: UiContext) -> None:
    mender = replace(FAKE_CHECKPOINT, id=ModelId("fake/mender"), task="inpaint")
    catalog = Catalog([], built_in=[mender, FAKE_CHECKPOINT])
    config = build_ui(replace(context, catalog=catalog)).get_config_file()
    menus: list[dict[str, Any]] = [
        c["props"]
        for c in config["components"]
        if str(c["props"].get("elem_id")).endswith("-model")
    ]
    assert [menu["elem_id"] for menu in menus] == ["txt2img-model", "img2img-model"]
    assert all([value for _, value in menu["choices"]] == ["fake/gradient"] for menu in menus)


@pytest.mark.parametrize(
    "element", ["ez-header", "ez-stage", "ez-tab-gallery", "txt2img-generate", "img2img-cancel"]
)
def test_the_page_has_its_parts(context: UiContext, element: str) -> None:
    assert element in ids_of(context)


def test_no_handler_waits_in_gradios_queue(context: UiContext) -> None:
    dependencies: list[dict[str, Any]] = build_ui(context).get_config_file()["dependencies"]
    assert dependencies
    assert not [d for d in dependencies if d["backend_fn"] and d["queue"] is not False]


def test_the_page_needs_no_heartbeat_connection(context: UiContext) -> None:
    # Browsers allow six connections to a host over all tabs: each held open costs a tab.
    assert build_ui(context).get_config_file()["connect_heartbeat"] is False
