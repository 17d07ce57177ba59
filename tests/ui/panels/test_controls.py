from __future__ import annotations

import gradio as gr

from webui.ui.panels.controls import controls_panel


def test_a_depth_map_is_asked_for_only_in_tabs_that_offer_depth_models() -> None:
    with gr.Blocks():
        assert list(controls_panel("inpaint")) == ["controls"]
        assert list(controls_panel("txt2img", depth=True)) == ["depth_map", "controls"]
