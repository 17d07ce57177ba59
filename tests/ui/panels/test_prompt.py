"""The prompt panel."""

from __future__ import annotations

from typing import Any

import gradio as gr

from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.request import parse_request
from webui.ui.forms import Form, default
from webui.ui.panels.prompt import WORDS, prompt_panel


def a_form() -> tuple[Form, gr.Blocks]:
    with gr.Blocks() as blocks:
        return Form("txt2img", prompt_panel("txt2img", [FAKE_CHECKPOINT])), blocks


def data_of(form: Form, **given: Any) -> dict[Any, Any]:
    return {c: given.get(name, default(name)) for name, c in form.controls.items()}


def test_it_has_the_words_of_a_request_and_folds_how_they_are_read() -> None:
    form, _ = a_form()
    assert list(form.controls) == ["prompt", "negative_prompt", "styles", "model", *WORDS]
    folds = {field["name"]: field["fold"] for field in form.describe()}
    assert {folds[name] for name in WORDS} == {"txt2img-fold-words"}


def test_chosen_styles_reach_the_request_and_nothing_chosen_is_none() -> None:
    form, _ = a_form()
    for said, styles in ((["oil", "night"], ("oil", "night")), ([], ()), ("", ()), (None, ())):
        assert parse_request(form.values(data_of(form, styles=said))).styles == styles


def test_kept_styles_come_back() -> None:
    form, _ = a_form()
    changes = form.updates({"styles": ["oil"], "emphasis": "No norm"}, [FAKE_CHECKPOINT])
    found = {name: changes[c]["value"] for name, c in form.controls.items() if c in changes}
    assert found == {"styles": ["oil"], "emphasis": "No norm"}


def test_the_page_counts_and_marks_each_prompt() -> None:
    _, blocks = a_form()
    scripts = [c["props"].get("js_on_load", "") for c in blocks.get_config_file()["components"]]
    for module in ("prompts", "styles", "slots"):
        assert any(script and f"/{module}.js" in script for script in scripts), module
