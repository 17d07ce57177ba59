"""Controlnets, and the picture of depth: what steers a picture beside its prompt."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from webui.ui.forms import element_id
from webui.ui.panels.fold import FOLD, fold_id
from webui.ui.panels.image import image_panel
from webui.ui.scripts import on_mount

TITLE = "Control"


def controls_panel(tab: str, *, depth: bool = False) -> dict[str, Component]:
    """A folded list of controlnets; with `depth`, also the map that a depth model follows.

    The page's script (`controls.js`) shows what is installed and holds the list.
    """
    made: dict[str, Component] = {}
    if depth:
        made["depth_map"] = image_panel(tab, "depth_map", "depth map: white is near", task="depth")
    with gr.Accordion(TITLE, open=False, elem_classes=[FOLD], elem_id=fold_id(tab, TITLE)):
        made["controls"] = gr.HTML(
            value=None,
            html_template='<div class="ez-controls"></div>',
            js_on_load=on_mount("controls", tab=tab),
            elem_id=element_id(tab, "controls"),
            apply_default_css=False,
        )
    return made
