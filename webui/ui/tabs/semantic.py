"""Semantic maps and layouts: classes are painted, or boxes drawn, and a model fills them."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import Task
from webui.contracts.palettes import MODELS_OWN, palette_of
from webui.services.catalog import Catalog
from webui.ui.canvas.canvas import Canvas, class_canvas
from webui.ui.context import UiContext
from webui.ui.extensions.extensions import extensions_panel
from webui.ui.forms import Form
from webui.ui.panels.actions import actions_panel
from webui.ui.panels.live import live_switch
from webui.ui.panels.map_driver import UNUSED, driver_panel, of_the_models_task, wire_driver
from webui.ui.panels.prompt import prompt_panel
from webui.ui.panels.regions import regions_panel
from webui.ui.panels.sampling import sampling_panel
from webui.ui.panels.seed import seed_panel
from webui.ui.panels.size import size_panel
from webui.ui.panels.slot import slot
from webui.ui.panels.stage import submit_handler

NAME = "semantic"
TASKS: tuple[Task, ...] = ("semantic", "layout", "text")


def build(context: UiContext, stage: gr.HTML) -> Form:
    """Add the tab's form to the page; its canvas stands beside the stage."""
    catalog = context.catalog
    models = [model for task in TASKS for model in catalog.models(task)]
    with gr.Column(elem_id=f"ez-tab-{NAME}", elem_classes=["ez-tab"]):
        controls: dict[str, Component] = {
            "class_map": slot(NAME, "class_map"),
            "boxes": slot(NAME, "boxes"),
        }
        live_switch(NAME, ["class_map", "boxes"], UNUSED)
        controls |= prompt_panel(NAME, models)
        drivers, said = driver_panel(NAME, models, catalog)
        controls |= {
            **drivers,
            **regions_panel(NAME),
            **size_panel(NAME),
            **sampling_panel(NAME),
            **seed_panel(NAME),
            **extensions_panel(NAME),
        }
        form = Form(NAME, controls, TASKS)
        submit = submit_handler(form, context.jobs, prepare=of_the_models_task(catalog))
        actions_panel(form, submit, stage, context)
        wire_driver(form, said, catalog)
    return form


def canvas(catalog: Catalog) -> Canvas | None:
    """The tab's canvas, with the classes of the first model that has some; None without a model."""
    models = [model for task in TASKS for model in catalog.models(task)]
    palette = palette_of(MODELS_OWN, models[0].classes) if models else None
    return None if palette is None else class_canvas(NAME, palette.classes)
