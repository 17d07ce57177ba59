"""Words for each class of a map: a list of what is painted, with a prompt and a weight."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from webui.ui.forms import control, element_id
from webui.ui.scripts import on_mount


def regions_panel(tab: str) -> dict[str, Component]:
    """The classes that are on the tab's canvas, and how much the whole's prompt counts among them.

    The page's script (`canvas/regions.js`) lists them, and hides all of it beside a model that follows
    maps or boxes itself.
    """
    regions = gr.HTML(
        value=None,
        html_template='<div class="ez-regions"></div>',
        js_on_load=on_mount("canvas/regions", tab=tab),
        elem_id=element_id(tab, "regions"),
        apply_default_css=False,
    )
    with gr.Row(elem_classes=["ez-pair"], elem_id=f"{tab}-shares"):
        shares = {name: control(tab, name) for name in ("region_base", "region_attention")}
    return {"regions": regions, **shares}
