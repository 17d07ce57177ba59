"""The class that a class-conditional model draws, and what else of a form only some models are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.ids import ModelId
from webui.contracts.request import PARAMETERS
from webui.services.catalog import Catalog
from webui.ui.forms import element_id
from webui.ui.scripts import on_mount

ONLY_FOR: Mapping[str, Task] = {
    "depth_map": "depth", "class_label": "class", "image_guidance_scale": "edit",
}  # fmt: skip
"""Fields that the page shows beside models of one task only."""
WORDS = ("prompt", "negative_prompt", "styles")


def class_choice(tab: str) -> gr.HTML:
    """A field that offers the model's classes as one types; shown beside class-conditional models only."""
    declared = PARAMETERS["class_label"]
    return gr.HTML(
        value="",
        html_template='<label class="ez-number"><span></span><input autocomplete="off"><datalist></datalist></label>',
        js_on_load=on_mount("classes", tab=tab, title=declared.title),
        elem_id=element_id(tab, "class_label"),
        elem_classes=["ez-control"],
        apply_default_css=False,
    )


def for_the_models_task(catalog: Catalog) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A request's fields from a form's: without those that the form's model cannot be told.

    The page hides them, and they wait there while such a model is chosen. A retrieval model's prompt
    names its vectors.
    """

    def prepare(values: dict[str, Any]) -> dict[str, Any]:
        model = _model(catalog, values.get("model"))
        task = "text" if model is None else model.task
        told = {n: v for n, v in values.items() if ONLY_FOR.get(n, task) == task}
        if model is None or not model.takes_noise:
            told.pop("noise_augmentation", None)
        if model is None or model.reads_text or task == "retrieval":
            return told
        return {**{n: v for n, v in told.items() if n not in WORDS}, "prompt": ""}

    return prepare


def _model(catalog: Catalog, wanted: ModelId | None) -> CheckpointInfo | None:
    return next((info for info in catalog.models() if info.id == wanted), None)
