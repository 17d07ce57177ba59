from __future__ import annotations

import gradio as gr

from webui.ui.context import UiContext
from webui.ui.forms import Form, control
from webui.ui.panels.actions import fill_handler


def a_form(context: UiContext) -> Form:
    with gr.Blocks():
        models = context.catalog.models()
        return Form(
            "txt2img", {n: control("txt2img", n, models) for n in ("prompt", "model", "seed")}
        )


def test_filling_sets_what_was_given_and_leaves_the_rest(context: UiContext) -> None:
    form = a_form(context)
    changes = fill_handler(form, context.catalog)({"values": {"seed": 9}})
    assert changes[form.controls["seed"]]["value"] == 9
    assert form.controls["prompt"] not in changes
    assert "value" not in changes[form.controls["model"]]


def test_the_model_menu_is_read_afresh(context: UiContext) -> None:
    form = a_form(context)
    changes = fill_handler(form, context.catalog)({"values": {}})
    assert changes[form.controls["model"]]["choices"] == [("Fake gradients", "fake/gradient")]


def test_a_kept_model_that_is_gone_gives_way_to_the_first_one(context: UiContext) -> None:
    form = a_form(context)
    payload = {"values": {"model": "deleted/model"}, "restore": True}
    changes = fill_handler(form, context.catalog)(payload)
    assert changes[form.controls["model"]]["value"] == "fake/gradient"


def test_nonsense_from_the_browser_changes_nothing(context: UiContext) -> None:
    form = a_form(context)
    fill = fill_handler(form, context.catalog)
    for payload in (None, "text", {"values": ["list"]}, {}):
        assert set(fill(payload)) == {form.controls["model"]}
