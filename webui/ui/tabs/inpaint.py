"""Inpainting: part of a picture is painted over and redrawn; results are staged on the canvas."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import Task
from webui.contracts.parameters.soft_inpainting import SoftInpainting
from webui.ui.canvas.canvas import mask_canvas
from webui.ui.context import UiContext
from webui.ui.forms import Form, control
from webui.ui.panels.actions import actions_panel
from webui.ui.panels.class_choice import class_choice, for_the_models_task
from webui.ui.panels.controls import controls_panel
from webui.ui.panels.fold import fold
from webui.ui.panels.prompt import prompt_panel
from webui.ui.panels.sampling import sampling_panel
from webui.ui.panels.seed import seed_panel
from webui.ui.panels.size import size_panel
from webui.ui.panels.slot import slot
from webui.ui.panels.stage import NO_MASK, NO_PICTURE, Needs, submit_handler

NAME = "inpaint"
TASKS: tuple[Task, ...] = ("inpaint", "text", "class", "unconditional")
IMAGE = ("resize_mode", "noise_multiplier", ("exact_steps", "colour_correction"), "background")
SOFT = tuple(SoftInpainting.model_fields)
FRAME = ("outpaint_left", "outpaint_right", "outpaint_top", "outpaint_bottom")
CANVAS = mask_canvas(NAME)


def build(context: UiContext, stage: gr.HTML) -> Form:
    """Add the tab's form to the page; its canvas stands above the stage."""
    models = [info for task in TASKS for info in context.catalog.models(task)]
    vaes = [str(info.id) for info in context.catalog.adapters("vae")]
    with gr.Column(elem_id=f"ez-tab-{NAME}", elem_classes=["ez-tab"]):
        controls = {
            "image": slot(NAME, "image"),
            "mask": slot(NAME, "mask"),
            **{name: slot(NAME, name) for name in FRAME},
            **prompt_panel(NAME, models),
            "class_label": class_choice(NAME),
            "denoising_strength": control(NAME, "denoising_strength"),
            **_mask_panel(),
            **fold(NAME, "Soft inpainting", SOFT),
            **fold(NAME, "Outpainting", ("outpaint_overlap",)),
            **size_panel(NAME),
            **sampling_panel(NAME),
            **seed_panel(NAME),
            **fold(NAME, "Image", IMAGE),
            **fold(NAME, "VAE", ("vae",), networks=vaes),
            **controls_panel(NAME),
        }
        form = Form(NAME, controls, TASKS)
        needs: Needs = {("image",): NO_PICTURE, ("mask", *FRAME): NO_MASK}
        submit = submit_handler(form, context.jobs, needs, for_the_models_task(context.catalog))
        actions_panel(form, submit, stage, context.catalog)
    return form


def _mask_panel() -> dict[str, Component]:
    """What is redrawn, from what, and how it meets the rest."""
    with gr.Row(elem_classes=["ez-pair"]):
        content, mode = control(NAME, "masked_content"), control(NAME, "mask_mode")
    with gr.Row(elem_classes=["ez-pair"]):
        area, padding = control(NAME, "inpaint_area"), control(NAME, "masked_padding")
    with gr.Row(elem_classes=["ez-pair"]):
        blur, blur_y = control(NAME, "mask_blur"), control(NAME, "mask_blur_y")
    return {
        "masked_content": content, "mask_mode": mode, "inpaint_area": area,
        "masked_padding": padding, "mask_blur": blur, "mask_blur_y": blur_y,
    }  # fmt: skip
