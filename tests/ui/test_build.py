from __future__ import annotations

from typing import Any

import pytest

from webui.contracts.request import PARAMETERS
from webui.ui.build import build_ui
from webui.ui.context import UiContext


def ids_of(context: UiContext) -> set[str]:
    components: list[dict[str, Any]] = build_ui(context).get_config_file()["components"]
    return {str(c["props"].get("elem_id")) for c in components}


def test_every_parameter_has_a_control_in_img2img_and_all_but_the_image_ones_in_txt2img(
    context: UiContext,
) -> None:
    ids = ids_of(context)
    assert {f"img2img-{name}" for name in PARAMETERS} <= ids
    ours = {name for name in PARAMETERS if name not in ("image", "denoising_strength")}
    assert {f"txt2img-{name}" for name in ours} <= ids


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
