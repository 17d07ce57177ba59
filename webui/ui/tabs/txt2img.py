"""Text to image."""

from __future__ import annotations

import gradio as gr

from webui.contracts.checkpoint import Task
from webui.ui.context import UiContext
from webui.ui.extensions.extensions import extensions_panel
from webui.ui.forms import Form
from webui.ui.panels.actions import actions_panel
from webui.ui.panels.class_choice import class_choice, for_the_models_task
from webui.ui.panels.controls import controls_panel
from webui.ui.panels.fold import fold
from webui.ui.panels.plot import plot_panel, wire_plot
from webui.ui.panels.prompt import prompt_panel
from webui.ui.panels.prompt_list import prompt_list_panel
from webui.ui.panels.sampling import sampling_panel
from webui.ui.panels.seed import seed_panel
from webui.ui.panels.size import size_panel
from webui.ui.panels.stage import submit_handler

NAME = "txt2img"
TASKS: tuple[Task, ...] = ("text", "depth", "class", "unconditional", "retrieval")
REFINER = (("refiner", "refiner_switch_at"),)
HIRES = (
    "hires_scale",
    "denoising_strength",
    "hires_upscaler",
    ("hires_width", "hires_height"),
    "hires_steps",
    ("hires_sampler", "hires_schedule"),
    ("hires_guidance_scale", "hires_model"),
    "hires_prompt",
    "hires_negative_prompt",
)


def build(context: UiContext, stage: gr.HTML) -> Form:
    """Add the tab's form to the page; its results go to the stage."""
    vaes = [str(info.id) for info in context.catalog.adapters("vae")]
    networks = [str(info.id) for info in context.catalog.adapters("upscaler")]
    models = [info for task in TASKS for info in context.catalog.models(task)]
    with gr.Column(elem_id=f"ez-tab-{NAME}", elem_classes=["ez-tab"]):
        controls = {
            **prompt_panel(NAME, models),
            "class_label": class_choice(NAME),
            **size_panel(NAME),
            **sampling_panel(NAME),
            **seed_panel(NAME),
            **fold(NAME, "Hires", HIRES, context.catalog.models("text"), networks),
            **fold(NAME, "VAE", ("vae",), networks=vaes),
            **fold(NAME, "Refiner", REFINER, context.catalog.models("text")),
            **controls_panel(NAME, depth=True),
            **extensions_panel(NAME),
            **plot_panel(NAME),
        }
        form = Form(NAME, controls, TASKS)
        prepare = for_the_models_task(context.catalog)
        submit = submit_handler(form, context.jobs, prepare=prepare)
        prompt_list_panel(form, context.prompt_lists, stage, prepare)
        actions_panel(form, submit, stage, context)
        wire_plot(form, context.plots, stage, prepare)
    return form
