"""Live drawing: colours are painted at the left, and the picture at the right follows."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from webui.ui.canvas.canvas import paint_canvas
from webui.ui.context import UiContext
from webui.ui.forms import Form, control
from webui.ui.panels.actions import actions_panel
from webui.ui.panels.prompt import prompt_panel
from webui.ui.panels.sampling import sampling_panel
from webui.ui.panels.seed import seed_panel
from webui.ui.panels.size import size_panel
from webui.ui.panels.slot import slot
from webui.ui.panels.stage import NO_IMAGE, submit_handler
from webui.ui.scripts import on_mount

NAME = "live"
CANVAS = paint_canvas(NAME)
STRENGTH = 0.5
"""Of the denoising at first: strokes stay recognisable."""


def build(context: UiContext, stage: gr.HTML) -> Form:
    """Add the tab's form to the page; its canvas stands beside the stage.

    Models of few steps stand first: of these a stroke's picture is there in a moment.
    """
    with gr.Column(elem_id=f"ez-tab-{NAME}", elem_classes=["ez-tab"]):
        controls: dict[str, Component] = {"image": slot(NAME, "image")}
        gr.HTML(
            html_template='<div class="ez-live"></div>',
            js_on_load=on_mount("live", tab=NAME),
            elem_id=f"{NAME}-switch",
            apply_default_css=False,
        )
        models = Form(NAME, {}, fast_first=True).models(context.catalog)
        controls |= prompt_panel(NAME, models)
        strength = control(NAME, "denoising_strength")
        strength.value = STRENGTH
        controls |= {
            "denoising_strength": strength,
            **size_panel(NAME),
            **sampling_panel(NAME),
            **seed_panel(NAME),
        }
        form = Form(NAME, controls, fast_first=True)
        submit = submit_handler(form, context.jobs, {("image",): NO_IMAGE})
        actions_panel(form, submit, stage, context.catalog)
    return form
