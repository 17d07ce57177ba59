"""Image to image: a start image, and how far to leave it."""

from __future__ import annotations

import gradio as gr

from webui.contracts.checkpoint import Task
from webui.ui.context import UiContext
from webui.ui.extensions.extensions import extensions_panel
from webui.ui.forms import Form, control
from webui.ui.panels.actions import actions_panel
from webui.ui.panels.batch import batch_panel
from webui.ui.panels.class_choice import class_choice, for_the_models_task
from webui.ui.panels.controls import controls_panel
from webui.ui.panels.fold import fold
from webui.ui.panels.image import image_panel
from webui.ui.panels.plot import plot_panel, wire_plot
from webui.ui.panels.prompt import prompt_panel
from webui.ui.panels.prompt_list import prompt_list_panel
from webui.ui.panels.sampling import sampling_panel
from webui.ui.panels.seed import seed_panel
from webui.ui.panels.size import size_panel
from webui.ui.panels.stage import NO_IMAGE, submit_handler

NAME = "img2img"
TASKS: tuple[Task, ...] = ("text", "depth", "edit", "variation", "class", "unconditional")
IMAGE = (
    "resize_mode", "noise_multiplier", "noise_augmentation", ("exact_steps", "colour_correction"),
    "background",
)  # fmt: skip

LOOPBACK = ("loops", ("final_strength", "strength_curve"))


def build(context: UiContext, stage: gr.HTML) -> Form:
    """Add the tab's form to the page; its results go to the stage."""
    models = [info for task in TASKS for info in context.catalog.models(task)]
    vaes = [str(info.id) for info in context.catalog.adapters("vae")]
    with gr.Column(elem_id=f"ez-tab-{NAME}", elem_classes=["ez-tab"]):
        controls = {
            "image": image_panel(NAME),
            "denoising_strength": control(NAME, "denoising_strength"),
            **prompt_panel(NAME, models),
            "class_label": class_choice(NAME),
            **size_panel(NAME),
            **sampling_panel(NAME),
            **seed_panel(NAME),
            **fold(NAME, "Image", IMAGE),
            **fold(NAME, "Loopback", LOOPBACK),
            **fold(NAME, "VAE", ("vae",), networks=vaes),
            **controls_panel(NAME, depth=True),
            **extensions_panel(NAME),
            **plot_panel(NAME),
        }
        form = Form(NAME, controls, TASKS)
        prepare = for_the_models_task(context.catalog)
        submit = submit_handler(form, context.jobs, {("image",): NO_IMAGE}, prepare)
        batch_panel(form, context.batches, stage, prepare)
        prompt_list_panel(form, context.prompt_lists, stage, prepare)
        actions_panel(form, submit, stage, context)
        wire_plot(form, context.plots, stage, prepare)
    return form
