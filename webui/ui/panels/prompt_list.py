"""Prompts from a list: a text with a job a line, each with settings of its own over those of the form."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.batch import Batch
from webui.contracts.prompt_list import PromptList
from webui.contracts.request import parse_request, validated
from webui.services.prompt_lists import PromptLists
from webui.ui.forms import Form
from webui.ui.panels.many import Handler, Prepare, many_handler, many_panel

TITLE = "Prompts from a list"
_SAID = ("lines", "place", "seeds")


def prompt_list_panel(form: Form, lists: PromptLists, stage: gr.HTML, prepare: Prepare) -> None:
    """Add the text and its button to a form, and wire them."""
    many_panel(
        form, TITLE, "prompt_list", stage,
        lambda text: prompt_list_handler(form, lists, text, prepare),
    )  # fmt: skip


def prompt_list_handler(
    form: Form, lists: PromptLists, text: Component, prepare: Prepare
) -> Handler:
    """What the panel's button does: order the list."""

    def order(common: dict[str, Any], given: Any) -> Batch:
        said = {name: given[name] for name in _SAID if name in given}
        request = parse_request(prepare(common))
        return lists.submit(validated(PromptList, {"request": request, **said}))

    return many_handler(form, text, order)
