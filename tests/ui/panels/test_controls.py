from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.services.catalog import Catalog
from webui.ui.panels.controls import controls_panel, for_the_models_task

DEPTH = replace(FAKE_CHECKPOINT, id=ModelId("fake/depth"), task="depth")
CATALOG = Catalog([], built_in=[FAKE_CHECKPOINT, DEPTH])


@pytest.mark.parametrize(("model", "kept"), [("fake/depth", True), ("fake/gradient", False)])
def test_a_depth_map_is_sent_to_a_depth_model_only(model: str, kept: bool) -> None:
    values = for_the_models_task(CATALOG)({"model": model, "depth_map": "a" * 64, "steps": 3})
    assert ("depth_map" in values) is kept
    assert values["steps"] == 3


def test_a_depth_map_is_asked_for_only_in_tabs_that_offer_depth_models() -> None:
    with gr.Blocks():
        assert list(controls_panel("inpaint")) == ["controls"]
        assert list(controls_panel("txt2img", depth=True)) == ["depth_map", "controls"]
