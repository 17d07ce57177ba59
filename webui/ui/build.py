"""The page's table of contents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from webui.services.catalog import Catalog
from webui.ui.canvas.canvas import Canvas, canvas_panel
from webui.ui.context import UiContext
from webui.ui.doors import Page
from webui.ui.forms import Form
from webui.ui.header import header
from webui.ui.panels.stage import stage_panel
from webui.ui.samples import read_samples
from webui.ui.scripts import call, on_mount
from webui.ui.tabs import (
    extensions,
    gallery,
    img2img,
    inpaint,
    live,
    models,
    semantic,
    settings,
    txt2img,
    upscale,
)

ASSETS_FOLDER = Path(__file__).parent / "assets"
WORK = (txt2img, img2img, inpaint, semantic, upscale, live)
TABS = (*(tab.NAME for tab in WORK), "gallery", "models", "extensions", "settings")


def build_ui(context: UiContext) -> gr.Blocks:
    """The whole page: header, the forms of the work tabs, canvases, the stage, and the tabs beside the work."""
    blocks = Page(title="Easel", analytics_enabled=False, fill_width=True)
    with blocks:
        header(tabs=TABS)
        stage = stage_panel(read_samples(ASSETS_FOLDER / "samples"))
        stage.unrender()  # type: ignore[no-untyped-call]
        with gr.Row(elem_id="ez-work"):
            with gr.Column(elem_id="ez-forms"):
                forms = [tab.build(context, stage) for tab in WORK]
            with gr.Column(elem_id="ez-stage-column", elem_classes=["ez-stage-column"]):
                for canvas in _canvases(context.catalog):
                    if canvas is not None:
                        canvas_panel(canvas)
                stage.render()  # type: ignore[no-untyped-call]
        gallery.build()
        models.build()
        extensions.build()
        settings.build(TABS)
        _open_on_demand(blocks, forms)
    return blocks


def _canvases(catalog: Catalog) -> tuple[Canvas | None, ...]:
    """Of each tab that has one; None where no model could use it."""
    return inpaint.CANVAS, semantic.canvas(catalog), live.canvas(catalog)


def _open_on_demand(blocks: gr.Blocks, forms: Sequence[Form]) -> None:
    """Leave the tabs' controls out of the page until a tab is first opened."""
    tabs = [form.tab for form in forms]
    by_id = {block.elem_id: block for block in blocks.blocks.values()}
    columns = [by_id[f"ez-tab-{tab}"] for tab in tabs]
    for column in columns:
        column.visible = False
    opener = gr.HTML(
        value=None,
        html_template="<span></span>",
        js_on_load=on_mount("lazy", fields={form.tab: list(form.controls) for form in forms}),
        elem_id="ez-opener",
        elem_classes=["ez-bridge"],
        apply_default_css=False,
    )
    opener.input(
        None, None, columns, js=call("lazy", "shown", tabs), show_progress="hidden",
        trigger_mode="multiple",
    )  # fmt: skip
