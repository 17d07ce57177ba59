"""Semantic maps and layouts: classes are painted, or boxes drawn, and a model fills them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.errors import EaselError
from webui.contracts.palettes import MODELS_OWN, palette_of
from webui.contracts.parameters.regions import AUTOMATIC_DRIVER, CONTROLNET, NATIVE, REGION_PROMPTS
from webui.contracts.request import parse_request
from webui.services.catalog import Catalog
from webui.services.map_drivers import driver_for, drivers_of
from webui.ui.canvas.canvas import Canvas, class_canvas
from webui.ui.context import UiContext
from webui.ui.extensions.extensions import extensions_panel
from webui.ui.forms import Form, control
from webui.ui.panels.actions import actions_panel
from webui.ui.panels.class_choice import for_the_models_task
from webui.ui.panels.live import live_switch
from webui.ui.panels.prompt import prompt_panel
from webui.ui.panels.regions import regions_panel
from webui.ui.panels.sampling import sampling_panel
from webui.ui.panels.seed import seed_panel
from webui.ui.panels.size import size_panel
from webui.ui.panels.slot import slot
from webui.ui.panels.stage import submit_handler

NAME = "semantic"
TASKS: tuple[Task, ...] = ("semantic", "layout", "text")
SAID: Mapping[str, str] = {
    NATIVE: "Native: the model follows the map itself.",
    CONTROLNET: "Segmentation ControlNet: it steers the model by the map's colours.",
    REGION_PROMPTS: "Region prompts: each class is drawn by its own words, all in one picture.",
}

UNUSED: Mapping[str, tuple[str, ...]] = {
    "semantic": ("boxes", "regions", "region_base", "map_palette"),
    "layout": ("class_map", "regions", "region_base", "map_palette"),
}
"""What a model of the task is not told."""


def build(context: UiContext, stage: gr.HTML) -> Form:
    """Add the tab's form to the page; its canvas stands beside the stage."""
    models = [model for task in TASKS for model in context.catalog.models(task)]
    with gr.Column(elem_id=f"ez-tab-{NAME}", elem_classes=["ez-tab"]):
        controls: dict[str, Component] = {
            "class_map": slot(NAME, "class_map"),
            "boxes": slot(NAME, "boxes"),
        }
        live_switch(NAME, ["class_map", "boxes"], UNUSED)
        controls |= prompt_panel(NAME, models)
        with gr.Row(elem_classes=["ez-pair"]):
            controls |= {name: control(NAME, name) for name in ("map_driver", "map_palette")}
        said = gr.HTML(
            _said_at_first(models, context.catalog),
            elem_id=f"{NAME}-driver",
            elem_classes=["ez-driver"],
            apply_default_css=False,
        )
        controls |= {
            **regions_panel(NAME),
            **size_panel(NAME),
            **sampling_panel(NAME),
            **seed_panel(NAME),
            **extensions_panel(NAME),
        }
        form = Form(NAME, controls, TASKS)
        prepare = of_the_models_task(context.catalog)
        submit = submit_handler(form, context.jobs, prepare=prepare)
        actions_panel(form, submit, stage, context)
        say = driver_handler(form, context.catalog)
        watched = [controls[name] for name in ("model", "map_driver", "regions", "boxes")]
        gr.on(
            [each.change for each in watched],  # type: ignore[attr-defined]
            say, set(watched), said, queue=False, show_progress="hidden",
            trigger_mode="multiple",
        )  # fmt: skip
    return form


def canvas(catalog: Catalog) -> Canvas | None:
    """The tab's canvas, with the classes of the first model that has some; None without a model."""
    models = [model for task in TASKS for model in catalog.models(task)]
    palette = palette_of(MODELS_OWN, models[0].classes) if models else None
    return None if palette is None else class_canvas(NAME, palette.classes)


def _said_at_first(models: Sequence[CheckpointInfo], catalog: Catalog) -> str:
    """What the line below the drivers' menu says of the first model."""
    return next((SAID[driver] for driver in drivers_of(models[0], catalog)), "") if models else ""


def of_the_models_task(catalog: Catalog) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A request's fields from the form's: what the model can follow.

    A semantic model has the map and a layout's the boxes; others have both, with words for them. What
    the canvas holds beside that waits for its own model.
    """

    def prepare(values: dict[str, Any]) -> dict[str, Any]:
        known = {str(info.id): info.task for info in catalog.models()}
        unused = UNUSED.get(known.get(str(values.get("model")), "text"), ())
        told = {name: value for name, value in values.items() if name not in unused}
        return for_the_models_task(catalog)(told)

    return prepare


def driver_handler(form: Form, catalog: Catalog) -> Callable[[Mapping[Component, Any]], str]:
    """What the line below the drivers' menu says: which one the picture would be drawn by."""
    names = {component: name for name, component in form.controls.items()}

    def say(data: Mapping[Component, Any]) -> str:
        values = {names[component]: value for component, value in data.items() if value}
        checkpoint = next(
            (info for info in catalog.models() if info.id == values.get("model")), None
        )
        if checkpoint is None:
            return ""
        can = drivers_of(checkpoint, catalog)
        try:
            request = parse_request({"prompt": "", **values})
        except EaselError:
            return ""
        driver = driver_for(request, checkpoint, catalog)
        if driver in can:
            return SAID[driver]
        return f"{driver} is not for this model. Choose {AUTOMATIC_DRIVER} or {' or '.join(can)}."

    return say
