"""A picture that a form starts from: drop, paste or choose; it goes up once and the form keeps its id."""

from __future__ import annotations

import gradio as gr

from webui.contracts.checkpoint import Task
from webui.ui.forms import element_id
from webui.ui.scripts import on_mount


def image_panel(
    tab: str, name: str = "image", what: str = "picture", task: Task | None = None
) -> gr.HTML:
    """A well whose value is the image's id, or None; the bytes go straight to `POST /images`.

    Args:
        tab: Of the form.
        name: Parameter that it sets.
        what: It is asked for in these words.
        task: Shown only while the form's model is one of this task; None is always.
    """
    return gr.HTML(
        value=None,
        html_template='<div class="ez-well"></div>',
        js_on_load=on_mount("well", tab=tab, name=name, what=what, task=task),
        elem_id=element_id(tab, name),
        apply_default_css=False,
    )
