"""The canvas as a component: where it stands, and what of a form it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from webui.contracts.palette import colours_of
from webui.ui.scripts import on_mount

CANVAS_FOLDER = Path(__file__).parent
MASK_SLOTS = {"image": "image", "layer": "mask", "boxes": None}
CLASS_SLOTS = {"image": None, "layer": "class_map", "boxes": "boxes"}


@dataclass(frozen=True)
class Canvas:
    """A canvas of a tab."""

    tab: str
    classes: tuple[str, ...] = ()
    """Names of the classes that are painted, by number; none: a mask over a picture is."""


def canvas_panel(canvas: Canvas) -> gr.HTML:
    """Add a canvas to the page. It finds its form's slots by the tab's name."""
    kind = "classes" if canvas.classes else "mask"
    return gr.HTML(
        html_template='<section class="ez-canvas" aria-label="Canvas"></section>',
        js_on_load=on_mount(
            "canvas/canvas",
            tab=canvas.tab,
            kind=kind,
            slots=CLASS_SLOTS if canvas.classes else MASK_SLOTS,
            palette=palette(canvas.classes),
        ),
        elem_id=f"{canvas.tab}-canvas",
        elem_classes=["ez-canvas-host"],
        apply_default_css=False,
    )


def palette(classes: Sequence[str]) -> list[dict[str, object]]:
    """Name and colour of each class, as the page's script takes them."""
    pairs = zip(classes, colours_of(classes), strict=True)
    return [{"name": name, "colour": list(colour)} for name, colour in pairs]
