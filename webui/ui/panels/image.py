"""The start image of img2img: drop, paste or choose; it goes up once and the form keeps its id."""

from __future__ import annotations

import gradio as gr

from webui.ui.forms import element_id
from webui.ui.scripts import on_mount


def image_panel(tab: str) -> gr.HTML:
    """A well whose value is the image's id, or None; the bytes go straight to `POST /images`."""
    return gr.HTML(
        value=None,
        html_template='<div class="ez-well"></div>',
        js_on_load=on_mount("well", tab=tab),
        elem_id=element_id(tab, "image"),
        apply_default_css=False,
    )
