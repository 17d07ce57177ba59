"""Size: a row of aspect shapes with the pixels beside, and the exact numbers below."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from webui.ui.forms import control
from webui.ui.scripts import on_mount


def size_panel(tab: str) -> dict[str, Component]:
    """Width and height; empty means the model's own size, or the start image's."""
    gr.HTML(
        html_template='<div class="ez-shapes" role="group" aria-label="Aspect"></div>',
        js_on_load=on_mount("size", tab=tab),
        elem_id=f"{tab}-shapes",
        apply_default_css=False,
    )
    with gr.Row(elem_classes=["ez-pair"]):
        width = control(tab, "width")
        height = control(tab, "height")
    return {"width": width, "height": height}
