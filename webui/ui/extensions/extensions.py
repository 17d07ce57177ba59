"""Extensions in the page: their tab, the places of what they add, and their part of each form.

Nothing of them is in Gradio's tree: it is made once, and extensions come and go. The page's modules ask
`/api/v1/extensions` and build what there is.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.components import Component

from webui.ui.forms import element_id
from webui.ui.scripts import on_mount

EXTENSIONS_FOLDER = Path(__file__).parent


def extensions_panel(tab: str) -> dict[str, Component]:
    """A form's part: a folded group for each extension that takes part in its pictures, and their panels."""
    return {
        "extensions": gr.HTML(
            value=None,
            html_template='<div class="ez-extension-forms"></div>',
            js_on_load=on_mount("extensions/form", tab=tab),
            elem_id=element_id(tab, "extensions"),
            apply_default_css=False,
        )
    }


def extensions_page(element: str) -> gr.HTML:
    """The list of all extensions, under an id, and the place of their own tabs."""
    return gr.HTML(
        html_template='<section class="ez-extensions" aria-label="Extensions"></section>'
        '<div class="ez-extension-tabs"></div>',
        js_on_load=on_mount("extensions/page"),
        elem_id=element,
        apply_default_css=False,
    )
