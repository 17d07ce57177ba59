"""Semantic maps and layouts: classes are painted, or boxes drawn, and the model fills them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from webui.services.catalog import Catalog
from webui.ui.canvas.canvas import Canvas, class_canvas
from webui.ui.context import UiContext
from webui.ui.forms import Form
from webui.ui.panels.actions import actions_panel
from webui.ui.panels.class_choice import for_the_models_task
from webui.ui.panels.prompt import prompt_panel
from webui.ui.panels.sampling import sampling_panel
from webui.ui.panels.seed import seed_panel
from webui.ui.panels.size import size_panel
from webui.ui.panels.slot import slot
from webui.ui.panels.stage import submit_handler

NAME = "semantic"


def build(context: UiContext, stage: gr.HTML) -> Form:
    """Add the tab's form to the page; its canvas stands beside the stage."""
    models = [*context.catalog.models("semantic"), *context.catalog.models("layout")]
    with gr.Column(elem_id=f"ez-tab-{NAME}", elem_classes=["ez-tab"]):
        controls = {
            "class_map": slot(NAME, "class_map"),
            "boxes": slot(NAME, "boxes"),
            **prompt_panel(NAME, models),
            **size_panel(NAME),
            **sampling_panel(NAME),
            **seed_panel(NAME),
        }
        form = Form(NAME, controls, ("semantic", "layout"))
        submit = submit_handler(form, context.jobs, prepare=of_the_models_task(context.catalog))
        actions_panel(form, submit, stage, context.catalog)
    return form


def canvas(catalog: Catalog) -> Canvas | None:
    """The tab's canvas, with the classes of the first model that has some; None without one."""
    models = [*catalog.models("semantic"), *catalog.models("layout")]
    return class_canvas(NAME, models[0].classes) if models else None


def of_the_models_task(catalog: Catalog) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A request's fields from the form's: the map for a semantic model, the boxes for a layout's.

    The canvas shows one of the two, and the other, from before, waits for its own model.
    """

    def prepare(values: dict[str, Any]) -> dict[str, Any]:
        layouts = {info.id for info in catalog.models("layout")}
        other = "class_map" if values.get("model") in layouts else "boxes"
        told = {name: value for name, value in values.items() if name != other}
        return for_the_models_task(catalog)(told)

    return prepare
