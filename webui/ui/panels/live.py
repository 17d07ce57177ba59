"""The switch that draws a picture for each stroke on the tab's canvas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gradio as gr

from webui.ui.scripts import on_mount


def live_switch(
    tab: str,
    needs: Sequence[str],
    unused: Mapping[str, Sequence[str]] | None = None,
    starts: bool = False,
) -> gr.HTML:
    """Add the switch.

    Args:
        tab: Of the form, which has a canvas.
        needs: Parameters that the canvas sets; without any of them nothing is drawn.
        unused: Task of a model to the parameters of the form that it is not told.
        starts: Whether it is on at first.
    """
    left = {task: list(names) for task, names in (unused or {}).items()}
    return gr.HTML(
        html_template='<div class="ez-live"></div>',
        js_on_load=on_mount("live", tab=tab, needs=list(needs), unused=left, starts=starts),
        elem_id=f"{tab}-switch",
        apply_default_css=False,
    )
