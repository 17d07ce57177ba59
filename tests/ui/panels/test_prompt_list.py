"""The list of prompts of a form: its settings and a text become a job a line."""

from __future__ import annotations

from typing import Any

import gradio as gr

from webui.contracts.ids import BatchId
from webui.ui.context import UiContext
from webui.ui.forms import Form, control, default
from webui.ui.panels.prompt_list import prompt_list_handler

NAMES = ("prompt", "model", "steps", "seed")


def answer_to(context: UiContext, given: dict[str, Any], **values: Any) -> dict[str, Any]:
    with gr.Blocks():
        controls = {name: control("txt2img", name, context.catalog.models()) for name in NAMES}
        form, text = Form("txt2img", controls), gr.HTML()
    handler = prompt_list_handler(form, context.prompt_lists, text, dict)
    return handler(
        {text: given, **{c: values.get(n, default(n)) for n, c in form.controls.items()}}
    )


def test_the_forms_settings_go_to_each_line(context: UiContext) -> None:
    given = {"lines": "a house\n--seed 9", "place": "instead", "seeds": "own", "stamp": 1}
    answer = answer_to(context, given, prompt="a lake", steps=4, seed=3)
    jobs = [job.request for job in context.jobs.of_batch(BatchId(answer["batch"]))]
    assert [(j.prompt, j.seed, j.steps) for j in jobs] == [("a house", 3, 4), ("a lake", 9, 4)]
    assert (answer["refused"], answer["tab"]) == ([], "txt2img")


def test_a_wrong_line_or_setting_is_said_on_the_stage(context: UiContext) -> None:
    (said,) = answer_to(context, {"lines": "a house\n--none 1"})["error"]["sentences"]
    assert said.startswith("Nothing was ordered. Line 2 has the unknown setting --none")
    (said,) = answer_to(context, {"lines": "a house"}, steps=0)["error"]["sentences"]
    assert said.startswith("Steps is 0, expected")
    (said,) = answer_to(context, {"lines": "a house", "place": "middle"})["error"]["sentences"]
    assert "'middle'" in said
