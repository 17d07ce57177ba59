"""Many jobs for one form: what the panels have in common that order a batch by a button of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.batch import Batch
from webui.ui.forms import Form, stamp
from webui.ui.panels.fold import FOLD, fold_id
from webui.ui.panels.stage import answered
from webui.ui.scripts import on_mount

# Any, here and below: values of a form, and what the page's script sent; who orders checks them.
Prepare = Callable[[dict[str, Any]], dict[str, Any]]
Order = Callable[[dict[str, Any], Any], Batch]
"""(the form's values, what the panel's script sent) -> what became of it."""
Handler = Callable[[Mapping[Component, Any]], dict[str, Any]]


def many_panel(
    form: Form,
    title: str,
    module: str,
    stage: gr.HTML,
    handler: Callable[[gr.HTML], Handler],
    **options: object,
) -> None:
    """Add a folded panel to a form, and wire it; the stage hears what became of what it ordered.

    Args:
        form: Its values go into each job.
        title: Of the fold.
        module: Of the page's script that builds the panel and triggers `submit`.
        stage: Of the tab.
        handler: Makes the button's handler, of the panel's component.
        options: Of the script's `mount`, beside the tab.
    """
    with gr.Accordion(title, open=False, elem_classes=[FOLD], elem_id=fold_id(form.tab, title)):
        panel = gr.HTML(
            value=None,
            html_template='<div class="ez-batch"></div>',
            js_on_load=on_mount(module, tab=form.tab, **options),
            elem_id=f"{form.tab}-{module.replace('_', '-')}",
            apply_default_css=False,
        )
    inputs: set[Any] = {*form.controls.values(), panel}
    panel.submit(handler(panel), inputs, [stage], queue=False, show_progress="hidden")


def many_handler(
    form: Form, panel: Component, order: Order, without: tuple[str, ...] = ()
) -> Handler:
    """What a panel's button does: order and answer at once.

    The answer is `{"batch": id, "refused": [{"name", "reason"}], "tab", "stamp"}`, or one with an error, as
    `panels.stage.submit_handler` gives. Values of the form that are named in `without` are left out.
    """

    def submit(data: Mapping[Component, Any]) -> dict[str, Any]:
        common = {n: v for n, v in form.values(data).items() if n not in without}

        def made() -> dict[str, Any]:
            batch = order(common, data[panel])
            refused = [{"name": one.name, "reason": one.reason} for one in batch.refused]
            return {"batch": batch.id, "refused": refused, "tab": form.tab, "stamp": stamp()}

        return answered(made, common)

    return submit
