from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from tests.ui.conftest import loops_closed
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.contracts.request import PARAMETERS, parse_request
from webui.services.catalog import Catalog
from webui.ui.extensions.extensions import extensions_panel
from webui.ui.forms import Form, control, default
from webui.ui.panels.fold import fold

BEYOND_FORMS = (
    "image", "mask", "class_map", "depth_map", "boxes", "controls", "loras", "styles", "regions", "template",
    "negative_template", "texts", "extensions",
)  # fmt: skip
NAMES = [name for name in PARAMETERS if name not in BEYOND_FORMS]
MODELS = (FAKE_CHECKPOINT,)


@pytest.fixture(scope="module")
def form() -> Form:
    """With all controls; reading it and asking for updates leave it as it is."""
    with loops_closed(), gr.Blocks():
        made = {name: control("txt2img", name, MODELS) for name in NAMES}
    return Form("txt2img", made)


def data_of(form: Form, **values: Any) -> dict[Any, Any]:
    given = {"model": "fake/gradient", **values}
    return {c: given.get(name, default(name)) for name, c in form.controls.items()}


@pytest.mark.parametrize("name", NAMES)
def test_each_control_starts_at_the_requests_own_default(form: Form, name: str) -> None:
    made = form.controls[name]
    expected = "fake/gradient" if name == "model" else default(name)
    assert made.value == expected
    assert made.elem_id == f"txt2img-{name}"


def test_an_untouched_form_is_the_default_request(form: Form) -> None:
    request = parse_request(form.values(data_of(form, prompt="a lake")))
    assert request == parse_request({"prompt": "a lake", "model": "fake/gradient"})


def test_values_are_read_by_name_whatever_the_order(form: Form) -> None:
    data = data_of(form, prompt="a lake", steps=33, width=192)
    backwards = dict(reversed(list(data.items())))
    read = form.values(backwards)
    assert (read["prompt"], read["steps"], read["width"]) == ("a lake", 33, 192)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_number_is_left_to_the_request(form: Form, nothing: str | None) -> None:
    read = form.values(data_of(form, width=nothing, negative_prompt=""))
    assert "width" not in read
    assert read["negative_prompt"] == ""


def test_kept_values_come_back_by_name(form: Form) -> None:
    changes = form.updates({"prompt": "a boat", "seed": 7, "width": None}, MODELS)
    found = {name: changes[c]["value"] for name, c in form.controls.items() if c in changes}
    assert found == {"prompt": "a boat", "seed": 7, "width": None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sampler", "Gone"),
        ("schedule", "Gone"),
        ("model", "deleted/model"),
        ("steps", "many"),
        ("steps", 100_000),
        ("seed", -2),
        ("guidance_scale", True),
        ("prompt", None),
        ("colour", "red"),
    ],
)
def test_an_impossible_kept_value_is_dropped(form: Form, name: str, value: Any) -> None:
    assert form.updates({name: value}, MODELS) == {}


def test_each_kind_of_parameter_has_its_kind_of_control() -> None:
    with gr.Blocks():
        made = {name: control("txt2img", name) for name in ("discard_penultimate", "noise_source")}
        fine, whole = (control("txt2img", name) for name in ("sigma_tmin", "eta_noise_seed_delta"))
    assert isinstance(made["discard_penultimate"], gr.Checkbox)
    assert isinstance(made["noise_source"], gr.Dropdown)
    assert isinstance(fine, gr.Number)
    assert fine.precision is None
    assert isinstance(whole, gr.Number)
    assert whole.precision == 0


def test_a_control_knows_the_folded_group_that_it_lies_in() -> None:
    with gr.Blocks():
        controls = fold("txt2img", "Fine things", ["eta", ("seed_width", "seed_height")])
        form = Form("txt2img", {"steps": control("txt2img", "steps"), **controls})
    folds = {entry["name"]: entry["fold"] for entry in form.describe()}
    group = "txt2img-fold-fine-things"
    assert folds == {"steps": None, "eta": group, "seed_width": group, "seed_height": group}


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("discard_penultimate", True, True),
        ("discard_penultimate", "yes", False),
        ("noise_source", "CPU", True),
        ("noise_source", "Dice", False),
    ],
)
def test_switches_and_choices_take_what_they_know(
    form: Form, name: str, value: Any, kept: bool
) -> None:
    assert bool(form.updates({name: value}, MODELS)) is kept


def test_a_slider_widens_for_a_value_beyond_its_usual_end(form: Form) -> None:
    change = form.updates({"steps": 150}, MODELS)[form.controls["steps"]]
    assert (change["value"], change["maximum"]) == (150, 150)


def test_the_script_is_told_title_help_and_default_of_each_control(form: Form) -> None:
    described = {field["name"]: field for field in form.describe()}
    assert described["steps"]["default"] == 20
    assert all(field["title"] and field["help"] for field in described.values())


def test_a_form_for_few_steps_begins_with_the_model_that_takes_the_fewest() -> None:
    slow = replace(FAKE_CHECKPOINT, id=ModelId("a/slow"), defaults=(("steps", 50),))
    fast = replace(FAKE_CHECKPOINT, id=ModelId("z/fast"), defaults=(("steps", 4),))
    catalog = Catalog([], built_in=[slow, FAKE_CHECKPOINT, fast])
    with gr.Blocks():
        ids = [info.id for info in Form("live", {}, fast_first=True).models(catalog)]
        assert ids == ["z/fast", "fake/gradient", "a/slow"]
        assert Form("live", {}, fast_first=True).first_model(catalog) == fast
        assert Form("txt2img", {}).first_model(catalog) == catalog.default()


def test_a_menu_says_a_priority_in_words_and_takes_none_that_it_does_not_offer(form: Form) -> None:
    menu = form.controls["priority"]
    assert isinstance(menu, gr.Dropdown)
    assert menu.choices == [("First", "High"), ("Normal", "Normal"), ("Background", "Low")]
    assert form.updates({"priority": "Low"}, MODELS)[menu]["value"] == "Low"
    assert form.updates({"priority": "Live"}, MODELS) == {}


def test_arguments_of_extensions_come_back_by_name() -> None:
    with gr.Blocks():
        form = Form("txt2img", extensions_panel("txt2img"))
    (part,) = form.controls.values()
    assert form.values({part: {"book": {"strength": 0.7}}}) == {
        "extensions": {"book": {"strength": 0.7}}
    }
    assert form.values({part: None}) == form.values({part: ""}) == {}
    assert form.updates({"extensions": {}}, ())[part]["value"] == {}
