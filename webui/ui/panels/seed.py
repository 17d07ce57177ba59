"""Seed with dice and recycle, how many pictures to make, and when it is their turn."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from webui.ui.forms import control
from webui.ui.panels.fold import fold
from webui.ui.scripts import call


def seed_panel(tab: str) -> dict[str, Component]:
    """Seed (-1 draws a new one each time; recycle takes the last one used), count and priority."""
    with gr.Row(elem_classes=["ez-seed"]):
        seed = control(tab, "seed")
        dice = _tool(f"{tab}-seed-dice", "Random")
        recycle = _tool(f"{tab}-seed-recycle", "Last used")
    dice.click(None, outputs=[seed], js=call("form", "thrownSeed", tab))
    recycle.click(None, inputs=[seed], outputs=[seed], js=call("form", "recycledSeed", tab))
    with gr.Row(elem_classes=["ez-pair"]):
        count = control(tab, "count")
        priority = control(tab, "priority")
    variation = fold(
        tab,
        "Variation",
        [
            ("variation_seed", "variation_strength"),
            ("seed_width", "seed_height"),
            ("noise_source", "eta_noise_seed_delta"),
        ],
    )
    return {"seed": seed, "count": count, "priority": priority, **variation}


def _tool(element: str, title: str) -> gr.Button:
    return gr.Button(title, elem_id=element, elem_classes=["ez-tool"], size="sm", min_width=40)
