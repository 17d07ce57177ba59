"""The settings as a component; it reads and sets `/api/v1/settings` by itself, and keeps the browser's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from webui.ui.scripts import on_mount

SETTINGS_FOLDER = Path(__file__).parent


def settings_panel(element: str, tabs: Sequence[str]) -> gr.HTML:
    """Add the settings to the page under an id.

    Args:
        element: Its id.
        tabs: Names of the tabs that the page may begin with.
    """
    return gr.HTML(
        html_template='<section class="ez-settings" aria-label="Settings"></section>',
        js_on_load=on_mount("settings/settings", tabs=list(tabs)),
        elem_id=element,
        apply_default_css=False,
    )
