"""What follows a class map or boxes: the menu of drivers, the line that says which it would be, and what a model is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import EaselError
from webui.contracts.parameters.regions import AUTOMATIC_DRIVER, CONTROLNET, NATIVE, REGION_PROMPTS
from webui.contracts.request import parse_request
from webui.services.catalog import Catalog
from webui.services.map_drivers import driver_for, drivers_of
from webui.ui.forms import Form, control
from webui.ui.panels.class_choice import for_the_models_task
from webui.ui.scripts import read_again

NAMES = ("map_driver", "map_palette")
SAID: Mapping[str, str] = {
    NATIVE: "Native: the model follows the map itself.",
    CONTROLNET: "Segmentation ControlNet: it steers the model by the map's colours.",
    REGION_PROMPTS: "Region prompts: each class is drawn by its own words, all in one picture.",
}
UNUSED: Mapping[str, tuple[str, ...]] = {
    "semantic": ("boxes", "regions", "region_base", "region_attention", "map_palette"),
    "layout": ("class_map", "regions", "region_base", "region_attention", "map_palette"),
}
"""What a model of the task is not told."""


def driver_panel(
    tab: str, models: Sequence[CheckpointInfo], catalog: Catalog
) -> tuple[dict[str, Component], gr.HTML]:
    """The menus of drivers and palettes, and the line below them, which `wire_driver` keeps true."""
    with gr.Row(elem_classes=["ez-pair"], elem_id=f"{tab}-drivers"):
        controls = {name: control(tab, name) for name in NAMES}
    first = next(iter(drivers_of(models[0], catalog)), "") if models else ""
    said = gr.HTML(
        SAID.get(first, ""),
        elem_id=f"{tab}-driver",
        elem_classes=["ez-driver"],
        apply_default_css=False,
    )
    return controls, said


def wire_driver(form: Form, said: gr.HTML, catalog: Catalog) -> None:
    """Have the line say by which driver the form's picture would be drawn."""
    watched = [form.controls[name] for name in ("model", "map_driver", "regions", "boxes")]
    gr.on(
        [each.change for each in watched],  # type: ignore[attr-defined]
        driver_handler(form, catalog), set(watched), said, queue=False, show_progress="hidden",
        trigger_mode="multiple",
    )  # fmt: skip
    model, driver = watched[:2]
    chosen = model.input(  # type: ignore[attr-defined]
        possible_driver(form, catalog), {model, driver}, driver, queue=False, show_progress="hidden"
    )
    read_again(chosen, form.tab)


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


def possible_driver(form: Form, catalog: Catalog) -> Callable[[Mapping[Component, Any]], Any]:
    """What choosing a model does to the driver: one that was chosen for another model and is none of this one's goes."""

    # Any: Gradio's updates are typed so.
    def suit(data: Mapping[Component, Any]) -> Any:
        chosen = data[form.controls["map_driver"]]
        wanted = data[form.controls["model"]]
        models = [info for info in catalog.models() if info.id == wanted]
        possible = [
            AUTOMATIC_DRIVER,
            *(name for info in models for name in drivers_of(info, catalog)),
        ]
        return gr.skip() if chosen in possible else gr.update(value=AUTOMATIC_DRIVER)

    return suit


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
