"""A folded group of controls, whose title says what in it is not as usual."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import CheckpointInfo
from webui.ui.forms import control

FOLD = "ez-fold"


def fold(
    tab: str,
    title: str,
    rows: Sequence[str | tuple[str, ...]],
    models: Sequence[CheckpointInfo] = (),
    networks: Sequence[str] = (),
) -> dict[str, Component]:
    """Controls below a title that opens them; a row is one parameter, or several side by side.

    Menus of models offer `models`, those of networks `networks` too.

    While it is folded, the page's script puts the changed values behind the title (`form.js`).
    """
    controls: dict[str, Component] = {}
    with gr.Accordion(title, open=False, elem_classes=[FOLD], elem_id=fold_id(tab, title)):
        for row in rows:
            if isinstance(row, str):
                controls[row] = control(tab, row, models, networks)
                continue
            with gr.Row(elem_classes=["ez-pair"]):
                controls |= {name: control(tab, name, models, networks) for name in row}
    return controls


def fold_id(tab: str, title: str) -> str:
    """Stable id of a fold in the page: 'txt2img-fold-variation'."""
    return f"{tab}-fold-{title.lower().replace(' ', '-')}"
