"""Upscaling: a finished picture made larger, by a model that draws detail or by resampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import Task
from webui.contracts.parameters.upscaling import USUAL_FACTOR
from webui.services.catalog import Catalog
from webui.ui.context import UiContext
from webui.ui.extensions.extensions import extensions_panel
from webui.ui.forms import Form, control
from webui.ui.panels.actions import actions_panel
from webui.ui.panels.batch import batch_panel
from webui.ui.panels.class_choice import for_the_models_task
from webui.ui.panels.fold import fold
from webui.ui.panels.image import image_panel
from webui.ui.panels.prompt import prompt_panel
from webui.ui.panels.stage import NO_IMAGE, submit_handler

NAME = "upscale"
TASKS: tuple[Task, ...] = ("upscale", "text")
TO_SIZE = ("upscale_width", "upscale_height")
SECOND = (("upscaler_2", "upscaler_2_visibility"),)
IN_TILES = ("tile_upscaler", "tile_strength", ("tile_size", "tile_overlap"))


def build(context: UiContext, stage: gr.HTML) -> Form:
    """Add the tab's form to the page; the stage shows its results beside what they were made of."""
    models = [info for task in TASKS for info in context.catalog.models(task)]
    networks = [str(info.id) for info in context.catalog.adapters("upscaler")]
    with gr.Column(elem_id=f"ez-tab-{NAME}", elem_classes=["ez-tab"]):
        controls: dict[str, Component] = {"image": image_panel(NAME)}
        with gr.Row(elem_classes=["ez-pair"]):
            controls["upscaler"] = control(NAME, "upscaler", networks=networks)
            controls["upscale_factor"] = control(NAME, "upscale_factor")
        with gr.Row(elem_classes=["ez-pair"]):
            controls |= {name: control(NAME, name) for name in TO_SIZE}
        controls |= {
            **prompt_panel(NAME, models),
            "noise_augmentation": control(NAME, "noise_augmentation"),
            **fold(NAME, "Second upscaler", SECOND, networks=networks),
            **fold(NAME, "Diffusion in tiles", IN_TILES, networks=networks),
            **fold(NAME, "Sampling", (("sampler", "schedule"), "steps", "guidance_scale", "seed")),
            **extensions_panel(NAME),
        }
        form = Form(NAME, controls, TASKS)
        prepare = of_the_upscaler(context.catalog)
        submit = submit_handler(form, context.jobs, {("image",): NO_IMAGE}, prepare)
        batch_panel(form, context.batches, stage, prepare)
        actions_panel(form, submit, stage, context)
    return form


def of_the_upscaler(catalog: Catalog) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A request's fields from the form's; without a prompt the picture says what is to be seen.

    The factor is always said, so that a model that cannot enlarge is refused.
    """
    told = for_the_models_task(catalog)

    def prepare(values: dict[str, Any]) -> dict[str, Any]:
        return {"prompt": "", "upscale_factor": USUAL_FACTOR, **told(values)}

    return prepare
