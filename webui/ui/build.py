"""The page's table of contents."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from webui.ui.canvas.canvas import canvas_panel
from webui.ui.context import UiContext
from webui.ui.header import header
from webui.ui.panels.stage import stage_panel
from webui.ui.samples import read_samples
from webui.ui.tabs import gallery, img2img, inpaint, live, semantic, txt2img, upscale

ASSETS_FOLDER = Path(__file__).parent / "assets"
WORK = (txt2img, img2img, inpaint, semantic, upscale, live)
TABS = (*(tab.NAME for tab in WORK), "gallery")


def build_ui(context: UiContext) -> gr.Blocks:
    """The whole page: header, the forms of the work tabs, canvases, the stage, the gallery."""
    blocks = gr.Blocks(title="Easel", analytics_enabled=False, fill_width=True)
    with blocks:
        header(tabs=TABS)
        stage = stage_panel(read_samples(ASSETS_FOLDER / "samples"))
        stage.unrender()  # type: ignore[no-untyped-call]
        with gr.Row(elem_id="ez-work"):
            with gr.Column(elem_id="ez-forms"):
                for tab in WORK:
                    tab.build(context, stage)
            with gr.Column(elem_id="ez-stage-column", elem_classes=["ez-stage-column"]):
                for canvas in (inpaint.CANVAS, semantic.canvas(context.catalog), live.CANVAS):
                    if canvas is not None:
                        canvas_panel(canvas)
                stage.render()  # type: ignore[no-untyped-call]
        gallery.build()
    return blocks
