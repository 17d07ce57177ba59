"""The X/Y/Z plot of a form: what is varied, how much that is, and the button that orders it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.request import parse_request
from webui.services.plots.plots import PlotService
from webui.ui.forms import Form, element_id, stamp
from webui.ui.panels.fold import FOLD, fold_id
from webui.ui.panels.stage import answered
from webui.ui.scripts import on_mount

Prepare = Callable[[dict[str, Any]], dict[str, Any]]
NAME, TITLE = "plot", "X/Y/Z plot"


def plot_panel(tab: str) -> dict[str, Component]:
    """The control of a form's plot; `wire_plot` gives it its button."""
    with gr.Accordion(TITLE, open=False, elem_classes=[FOLD], elem_id=fold_id(tab, NAME)):
        plot = gr.HTML(
            value=None,
            html_template='<div class="ez-plot"></div>',
            js_on_load=on_mount("plot", tab=tab),
            elem_id=element_id(tab, NAME),
            apply_default_css=False,
        )
    return {NAME: plot}


def wire_plot(form: Form, plots: PlotService, stage: gr.HTML, prepare: Prepare) -> None:
    """Have the panel's button order the plot; the stage hears what became of it."""
    everything: set[Any] = set(form.controls.values())
    form.controls[NAME].submit(  # type: ignore[attr-defined]
        plot_handler(form, plots, prepare), everything, [stage], queue=False, show_progress="hidden"
    )


def plot_handler(
    form: Form, plots: PlotService, prepare: Prepare
) -> Callable[[Mapping[Component, Any]], dict[str, Any]]:
    """What the panel's button does: order the plot and answer at once.

    The answer is `{"batch": id, "plot": id, "refused": [], "tab", "stamp"}`, or one with an error, as
    `panels.stage.submit_handler` gives.
    """

    def submit(data: Mapping[Component, Any]) -> dict[str, Any]:
        values = form.values(data)

        def order() -> dict[str, Any]:
            said = {**prepare(values), NAME: data[form.controls[NAME]]}
            batch = plots.submit(parse_request(said)).batch
            return {"batch": batch, "plot": batch, "refused": [], "tab": form.tab, "stamp": stamp()}

        return answered(order, values)

    return submit
