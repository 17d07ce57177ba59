"""Many images at once: chosen or dropped, or a folder of the machine; each becomes a job with the form's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component
from pydantic import ValidationError

from webui.contracts.batch import MAX_PICTURES, OWN_FIELDS, BatchOrder
from webui.contracts.errors import InvalidField
from webui.contracts.request import PARAMETERS, parse_request, problems_in
from webui.services.batches import BatchService
from webui.ui.forms import Form, stamp
from webui.ui.panels.fold import FOLD, fold_id
from webui.ui.panels.stage import answered
from webui.ui.scripts import on_mount

Prepare = Callable[[dict[str, Any]], dict[str, Any]]
TITLE = "Batch"


def batch_panel(form: Form, batches: BatchService, stage: gr.HTML, prepare: Prepare) -> None:
    """Add the list of images and its button to a form, and wire them; the stage hears what became of it."""
    with gr.Accordion(TITLE, open=False, elem_classes=[FOLD], elem_id=fold_id(form.tab, TITLE)):
        images = gr.HTML(
            value=None,
            html_template='<div class="ez-batch"></div>',
            js_on_load=on_mount(
                "batch",
                tab=form.tab,
                most=MAX_PICTURES,
                take=_titles(),
                masks=form.tab == "img2img",
            ),
            elem_id=f"{form.tab}-batch",
            apply_default_css=False,
        )
    inputs: set[Any] = {*form.controls.values(), images}
    submit = batch_handler(form, batches, images, prepare)
    images.submit(submit, inputs, [stage], queue=False, show_progress="hidden")


def batch_handler(
    form: Form, batches: BatchService, images: Component, prepare: Prepare
) -> Callable[[Mapping[Component, Any]], dict[str, Any]]:
    """What the panel's button does: order the batch and answer at once.

    The answer is `{"batch": id, "refused": [{"name", "reason"}], "tab", "stamp"}`, or one with an error, as
    `panels.stage.submit_handler` gives.
    """

    def submit(data: Mapping[Component, Any]) -> dict[str, Any]:
        common = {n: v for n, v in form.values(data).items() if n not in ("image", "mask")}
        given = data[images]

        def order() -> dict[str, Any]:
            made = batches.submit(_order(prepare(common), given))
            refused = [{"name": one.name, "reason": one.reason} for one in made.refused]
            return {"batch": made.id, "refused": refused, "tab": form.tab, "stamp": stamp()}

        return answered(order, common)

    return submit


# Any: what the page's script sent; it is checked here.
def _order(common: dict[str, Any], given: Any) -> BatchOrder:
    named = {name: given.get(name) for name in ("images", "folder", "masks", "take", "following")}
    said = {name: value for name, value in named.items() if value}
    try:
        return BatchOrder(request=parse_request(common), **said)
    except ValidationError as error:
        raise InvalidField(problems_in(error.errors())) from error


def _titles() -> dict[str, str]:
    return {name: PARAMETERS[name].title for name in OWN_FIELDS}
