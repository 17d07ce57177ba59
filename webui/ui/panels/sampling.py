"""How the picture is drawn: sampler, schedule, steps, guidance."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from webui.ui.forms import control


def sampling_panel(tab: str) -> dict[str, Component]:
    """Sampler and schedule side by side, steps and guidance scale below."""
    with gr.Row(elem_classes=["ez-pair"]):
        sampler = control(tab, "sampler")
        schedule = control(tab, "schedule")
    return {
        "sampler": sampler,
        "schedule": schedule,
        "steps": control(tab, "steps"),
        "guidance_scale": control(tab, "guidance_scale"),
    }
