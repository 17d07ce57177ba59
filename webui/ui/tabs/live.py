"""Live drawing: colours or a map of classes are painted at the left, and the picture at the right follows.

A model that was taught maps follows one; the canvas then has no colours.
"""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import Task
from webui.contracts.palettes import MODELS_OWN, palette_of
from webui.services.catalog import Catalog
from webui.ui.canvas.canvas import Canvas, class_canvas, paint_canvas
from webui.ui.context import UiContext
from webui.ui.extensions.extensions import extensions_panel
from webui.ui.forms import Form, control
from webui.ui.panels.actions import actions_panel
from webui.ui.panels.live import live_switch
from webui.ui.panels.map_driver import (
    UNUSED,
    driver_panel,
    of_the_models_task,
    wire_driver,
)
from webui.ui.panels.prompt import prompt_panel
from webui.ui.panels.regions import regions_panel
from webui.ui.panels.sampling import sampling_panel
from webui.ui.panels.seed import seed_panel
from webui.ui.panels.size import size_panel
from webui.ui.panels.slot import slot
from webui.ui.panels.stage import Needs, submit_handler

NAME = "live"
TASKS: tuple[Task, ...] = ("text", "semantic")
STRENGTH = 0.5
"""Of the denoising at first: strokes stay recognisable."""
PAINTED = ("image", "class_map", "boxes")
"""What the canvas sets: the colours, or the map and its boxes."""
NOTHING_PAINTED = "Nothing is painted yet. Paint on the canvas first."


def build(context: UiContext, stage: gr.HTML) -> Form:
    """Add the tab's form to the page; its canvas stands beside the stage.

    Models of few steps stand first: of these a stroke's picture is there in a moment.
    """
    with gr.Column(elem_id=f"ez-tab-{NAME}", elem_classes=["ez-tab"]):
        controls: dict[str, Component] = {name: slot(NAME, name) for name in PAINTED}
        live_switch(NAME, PAINTED, UNUSED, starts=True)
        catalog = context.catalog
        models = Form(NAME, {}, TASKS, fast_first=True).models(catalog)
        controls |= prompt_panel(NAME, models)
        strength = control(NAME, "denoising_strength")
        strength.value = STRENGTH
        drivers, said = driver_panel(NAME, models, catalog)
        controls |= {
            "denoising_strength": strength,
            **drivers,
            **regions_panel(NAME),
            **size_panel(NAME),
            **sampling_panel(NAME),
            **seed_panel(NAME),
            **extensions_panel(NAME),
        }
        form = Form(NAME, controls, TASKS, fast_first=True)
        needs: Needs = {PAINTED: NOTHING_PAINTED}
        submit = submit_handler(form, context.jobs, needs, of_the_models_task(catalog))
        actions_panel(form, submit, stage, context)
        wire_driver(form, said, catalog)
    return form


def canvas(catalog: Catalog) -> Canvas:
    """The tab's canvas: colours, and where there is a model a map of classes too."""
    colours = replace(paint_canvas(NAME), only=("denoising_strength",))
    models = catalog.models("text")
    palette = palette_of(MODELS_OWN, models[0].classes) if models else None
    if palette is None:
        return colours
    classes = replace(class_canvas(NAME, palette.classes), only=("drivers", "driver"))
    return replace(colours, others=(classes,))
