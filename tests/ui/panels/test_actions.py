from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.services.catalog import Catalog
from webui.ui.context import UiContext
from webui.ui.forms import Form, control, default
from webui.ui.panels.actions import fill_handler, suit_handler


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


TURBO = replace(
    FAKE_CHECKPOINT,
    id=ModelId("fake/turbo"),
    defaults=(("sampler", "LCM"), ("steps", 4), ("guidance_scale", 1.0)),
)
MENDER = replace(FAKE_CHECKPOINT, id=ModelId("fake/mender"), task="inpaint")
CATALOG = Catalog([], built_in=[FAKE_CHECKPOINT, TURBO, MENDER])
SUITED = ("model", "sampler", "schedule", "steps", "guidance_scale", "seed")


def a_suited_form() -> Form:
    with gr.Blocks():
        models = CATALOG.models("text")
        return Form("txt2img", {name: control("txt2img", name, models) for name in SUITED})


def chosen(model: str, **values: Any) -> dict[str, Any]:
    """What choosing a model changes in a form that holds the given values."""
    form = a_suited_form()
    held = {name: default(name) for name in SUITED} | {"model": model} | values
    changes = suit_handler(form, CATALOG)({form.controls[name]: v for name, v in held.items()})
    return {name: changes[c]["value"] for name, c in form.controls.items() if c in changes}


def test_choosing_a_model_takes_over_what_suits_it() -> None:
    changes = chosen("fake/turbo")
    assert (changes["sampler"], changes["steps"], changes["guidance_scale"]) == ("LCM", 4, 1.0)
    assert "seed" not in changes


def test_leaving_a_fast_model_undoes_its_few_steps() -> None:
    changes = chosen("fake/gradient", sampler="LCM", steps=4, guidance_scale=1.0)
    usual = {name: default(name) for name in ("sampler", "schedule", "steps", "guidance_scale")}
    assert changes == usual


def test_what_somebody_set_stays_when_the_model_changes() -> None:
    changes = chosen("fake/turbo", steps=33, sampler="Heun")
    assert "steps" not in changes
    assert "sampler" not in changes
    assert changes["guidance_scale"] == 1.0


def test_a_model_that_is_filled_in_alone_brings_what_suits_it() -> None:
    form = a_suited_form()
    fill = fill_handler(form, CATALOG)
    alone = fill({"values": {"model": "fake/turbo"}})
    assert alone[form.controls["steps"]]["value"] == 4
    with_steps = fill({"values": {"model": "fake/turbo", "steps": 9}})
    assert with_steps[form.controls["steps"]]["value"] == 9


def test_a_first_visit_begins_with_what_suits_the_first_model() -> None:
    form = a_suited_form()
    only = Catalog([], built_in=[TURBO])
    fresh = fill_handler(form, only)({"values": {}, "restore": True})
    assert fresh[form.controls["model"]]["value"] == "fake/turbo"
    assert fresh[form.controls["steps"]]["value"] == 4
    kept = fill_handler(form, only)({"values": {"steps": 9}, "restore": True})
    assert kept[form.controls["steps"]]["value"] == 9
    later = fill_handler(form, only)({"values": {}})
    assert form.controls["steps"] not in later


def test_a_model_of_another_task_is_not_filled_in() -> None:
    form = a_suited_form()
    changes = fill_handler(form, CATALOG)({"values": {"model": "fake/mender"}, "restore": True})
    assert changes[form.controls["model"]]["value"] == "fake/gradient"
    offered = [value for _, value in changes[form.controls["model"]]["choices"]]
    assert offered == ["fake/gradient", "fake/turbo"]


def test_without_a_model_for_text_none_is_chosen() -> None:
    form = a_suited_form()
    only = Catalog([], built_in=[MENDER])
    changes = fill_handler(form, only)({"values": {}, "restore": True})
    assert (
        changes[form.controls["model"]]["choices"],
        changes[form.controls["model"]]["value"],
    ) == (
        [],
        None,
    )


def test_menus_offer_what_extensions_add_and_forget_what_is_gone(context: UiContext) -> None:
    with gr.Blocks():
        names = ("model", "sampler", "schedule")
        form = Form("txt2img", {n: control("txt2img", n, context.catalog.models()) for n in names})
    offered = {"sampler": ("book/Straight",)}
    fill = fill_handler(form, context.catalog, lambda name: offered.get(name, ()))
    sampler = form.controls["sampler"]
    changes = fill({"values": {"sampler": "book/Straight", "schedule": "gone/Even"}})
    assert changes[sampler]["choices"][-1] == "book/Straight"
    assert changes[sampler]["value"] == "book/Straight"
    assert changes[form.controls["schedule"]]["value"] == default("schedule")
    assert "value" not in fill({"values": {}})[sampler]
