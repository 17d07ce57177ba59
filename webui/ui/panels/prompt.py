"""What the picture shows, what it should stay away from, and the model that draws it."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.request import PARAMETERS
from webui.ui.forms import control
from webui.ui.panels.fold import fold
from webui.ui.panels.slot import slot
from webui.ui.scripts import on_mount

WORDS = ("prompt_choices", "emphasis", "old_prompt_timelines")


def prompt_panel(tab: str, models: Sequence[CheckpointInfo]) -> dict[str, Component]:
    """Prompt, negative prompt (one line until used), styles, model, and how words are read.

    The page's script puts the number of tokens and what is wrong below each prompt (`prompts.js`).
    """
    prompts = {name: control(tab, name) for name in ("prompt", "negative_prompt")}
    gr.HTML(
        html_template='<div class="ez-styles"></div>',
        js_on_load=on_mount("styles", tab=tab, help=PARAMETERS["styles"].help),
        elem_id=f"{tab}-style-row",
        apply_default_css=False,
    )
    gr.HTML(
        html_template="<span></span>",
        js_on_load=on_mount("prompts", tab=tab),
        elem_id=f"{tab}-prompts",
        elem_classes=["ez-bridge"],
        apply_default_css=False,
    )
    return {
        **prompts,
        "styles": slot(tab, "styles"),
        "model": control(tab, "model", models),
        **fold(tab, "Words", WORDS),
    }
