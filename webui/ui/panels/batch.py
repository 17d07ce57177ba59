"""Many images at once: chosen or dropped, or a folder of the machine; each becomes a job with the form's settings."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.batch import MAX_PICTURES, OWN_FIELDS, Batch, BatchOrder
from webui.contracts.request import PARAMETERS, parse_request, validated
from webui.services.batches import BatchService
from webui.ui.forms import Form
from webui.ui.panels.many import Handler, Prepare, many_handler, many_panel

TITLE = "Batch"
_SAID = ("images", "folder", "masks", "take", "following")


def batch_panel(form: Form, batches: BatchService, stage: gr.HTML, prepare: Prepare) -> None:
    """Add the list of images and its button to a form, and wire them."""
    many_panel(
        form, TITLE, "batch", stage,
        lambda images: batch_handler(form, batches, images, prepare),
        most=MAX_PICTURES, take=_titles(), masks=form.tab == "img2img",
    )  # fmt: skip


def batch_handler(
    form: Form, batches: BatchService, images: Component, prepare: Prepare
) -> Handler:
    """What the panel's button does: order the batch, of other images than the form's own."""

    def order(common: dict[str, Any], given: Any) -> Batch:
        said = {name: given[name] for name in _SAID if given.get(name)}
        request = parse_request(prepare(common))
        return batches.submit(validated(BatchOrder, {"request": request, **said}))

    return many_handler(form, images, order, without=("image", "mask"))


def _titles() -> dict[str, str]:
    return {name: PARAMETERS[name].title for name in OWN_FIELDS}
