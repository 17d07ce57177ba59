"""The library as a component; it reads `/api/v1/library` and `/api/v1/downloads` by itself."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from webui.contracts.choices import SAMPLERS, SCHEDULES
from webui.contracts.download import FOLDERS
from webui.ui.scripts import on_mount

LIBRARY_FOLDER = Path(__file__).parent


def library_panel(element: str) -> gr.HTML:
    """Add the library to the page under an id."""
    return gr.HTML(
        html_template='<section class="ez-library" aria-label="Models"></section>',
        js_on_load=on_mount(
            "library/library",
            kinds=list(FOLDERS),
            samplers=[info.name for info in SAMPLERS],
            schedules=list(SCHEDULES),
        ),
        elem_id=element,
        apply_default_css=False,
    )
