"""Prompts from a list: a text with a job a line, each with settings of its own over those of the form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component
from pydantic import ValidationError

from webui.contracts.errors import InvalidField
from webui.contracts.prompt_list import PromptList
from webui.contracts.request import parse_request, problems_in
from webui.services.prompt_lists import PromptLists
from webui.ui.forms import Form, stamp
from webui.ui.panels.fold import FOLD, fold_id
from webui.ui.panels.stage import answered
from webui.ui.scripts import on_mount

Prepare = Callable[[dict[str, Any]], dict[str, Any]]
TITLE = "Prompts from a list"
_SAID = ("lines", "place", "seeds")


def prompt_list_panel(form: Form, lists: PromptLists, stage: gr.HTML, prepare: Prepare) -> None:
    """Add the text and its button to a form, and wire them; the stage hears what became of it."""
    with gr.Accordion(TITLE, open=False, elem_classes=[FOLD], elem_id=fold_id(form.tab, TITLE)):
        text = gr.HTML(
            value=None,
            html_template='<div class="ez-batch"></div>',
            js_on_load=on_mount("prompt_list", tab=form.tab),
            elem_id=f"{form.tab}-prompt-list",
            apply_default_css=False,
        )
    inputs: set[Any] = {*form.controls.values(), text}
    submit = prompt_list_handler(form, lists, text, prepare)
    text.submit(submit, inputs, [stage], queue=False, show_progress="hidden")


def prompt_list_handler(
    form: Form, lists: PromptLists, text: Component, prepare: Prepare
) -> Callable[[Mapping[Component, Any]], dict[str, Any]]:
    """What the panel's button does: order the list and answer at once.

    The answer is `{"batch": id, "refused": [], "tab", "stamp"}`, or one with an error, as
    `panels.stage.submit_handler` gives.
    """

    def submit(data: Mapping[Component, Any]) -> dict[str, Any]:
        values = form.values(data)

        def order() -> dict[str, Any]:
            made = lists.submit(_order(prepare(values), data[text]))
            return {"batch": made.id, "refused": [], "tab": form.tab, "stamp": stamp()}

        return answered(order, values)

    return submit


# Any: what the page's script sent; it is checked here.
def _order(common: dict[str, Any], given: Any) -> PromptList:
    said = {name: given[name] for name in _SAID if name in given}
    try:
        return PromptList(request=parse_request(common), **said)
    except ValidationError as error:
        raise InvalidField(problems_in(error.errors())) from error
