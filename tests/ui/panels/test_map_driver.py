"""The menu of what follows a map: a choice for one model does not stand in the way of another."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from webui.contracts.checkpoint import Task
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.contracts.parameters.regions import AUTOMATIC_DRIVER, NATIVE, REGION_PROMPTS
from webui.services.catalog import Catalog
from webui.ui.forms import Form, control
from webui.ui.panels.map_driver import possible_driver


@pytest.mark.parametrize(
    ("task", "chosen", "stays"),
    [
        ("layout", REGION_PROMPTS, False),
        ("layout", NATIVE, True),
        ("layout", AUTOMATIC_DRIVER, True),
        ("text", REGION_PROMPTS, True),
        ("text", NATIVE, False),
    ],
)
def test_a_driver_that_the_chosen_model_cannot_have_gives_way(
    task: Task, chosen: str, stays: bool
) -> None:
    info = replace(FAKE_CHECKPOINT, id=ModelId("my/own"), task=task)
    form = Form(
        "semantic",
        {"model": gr.Dropdown(), "map_driver": control("semantic", "map_driver")},
        (task,),
    )
    suit = possible_driver(form, Catalog([], built_in=[info]))
    data = {form.controls["model"]: "my/own", form.controls["map_driver"]: chosen}
    assert suit(data).get("value", chosen) == (chosen if stays else AUTOMATIC_DRIVER)
