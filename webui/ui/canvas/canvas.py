"""The canvas as a component: where it stands, and what of a form it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from webui.contracts.palette import PAINTS, RGB, colours_of
from webui.ui.scripts import on_mount

CANVAS_FOLDER = Path(__file__).parent
MASK_SLOTS = {"image": "image", "layer": "mask", "boxes": None, "frame": "outpaint"}
CLASS_SLOTS = {"image": None, "layer": "class_map", "boxes": "boxes"}
PAINT_SLOTS = {"image": None, "layer": "image", "boxes": None}


@dataclass(frozen=True)
class Canvas:
    """A canvas of a tab, and what of its form it keeps."""

    tab: str
    colours: Mapping[str, RGB] = field(default_factory=dict)
    """What is painted with, by name; none: a mask over a picture is painted."""
    slots: Mapping[str, str | None] = field(default_factory=lambda: MASK_SLOTS)
    """Parameters for the picture, the painted layer and boxes; the beginning of the frame's four."""
    noun: str = "class"
    """What one of the colours stands for."""
    only: tuple[str, ...] = ()
    """Controls of the form that are of no use beside what else can be painted."""
    others: tuple[Canvas, ...] = ()
    """What else can be painted there, one at a time."""


def mask_canvas(tab: str) -> Canvas:
    """A mask over a picture."""
    return Canvas(tab)


def class_canvas(tab: str, classes: Sequence[str]) -> Canvas:
    """A map of classes, and boxes."""
    return Canvas(tab, dict(zip(classes, colours_of(classes), strict=True)), CLASS_SLOTS)


def paint_canvas(tab: str) -> Canvas:
    """A picture in a few flat colours."""
    return Canvas(tab, PAINTS, PAINT_SLOTS, "colour")


def canvas_panel(canvas: Canvas) -> gr.HTML:
    """Add a canvas to the page. It finds its form's slots by the tab's name."""
    first, *others = (_source(one) for one in (canvas, *canvas.others))
    return gr.HTML(
        html_template='<section class="ez-canvas" aria-label="Canvas"></section>',
        js_on_load=on_mount(
            "canvas/canvas",
            tab=canvas.tab,
            kind="classes" if canvas.colours else "mask",
            **first,
            others=others,
        ),
        elem_id=f"{canvas.tab}-canvas",
        elem_classes=["ez-canvas-host"],
        apply_default_css=False,
    )


def _source(canvas: Canvas) -> dict[str, Any]:
    """What can be painted, as the page's script knows it."""
    return {
        "noun": canvas.noun,
        "slots": dict(canvas.slots),
        "palette": [{"name": name, "colour": list(rgb)} for name, rgb in canvas.colours.items()],
        "only": list(canvas.only),
    }
