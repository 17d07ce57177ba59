"""A parameter whose control is the page's own, such as a canvas: a hidden value that it sets by name."""

from __future__ import annotations

import gradio as gr

from webui.ui.forms import element_id
from webui.ui.scripts import on_mount


def slot(tab: str, name: str) -> gr.HTML:
    """What the form reads and fills; `assets/slots.js` sets it and tells of changes."""
    return gr.HTML(
        value=None,
        html_template="<span></span>",
        js_on_load=on_mount("slots", tab=tab, name=name),
        elem_id=element_id(tab, name),
        elem_classes=["ez-bridge"],
        apply_default_css=False,
    )
