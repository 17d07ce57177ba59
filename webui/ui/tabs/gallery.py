"""Gallery: recent pictures as a grid of thumbnails; it reads `/api/v1/pictures` by itself."""

from __future__ import annotations

import gradio as gr

from webui.ui.scripts import on_mount


def build() -> gr.HTML:
    """Add the tab to the page."""
    return gr.HTML(
        html_template='<section class="ez-gallery" aria-label="Gallery"></section>',
        js_on_load=on_mount("gallery"),
        elem_id="ez-tab-gallery",
        apply_default_css=False,
    )
