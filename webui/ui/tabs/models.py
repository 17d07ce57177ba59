"""Models: what is installed, what is noted of it, and where to get more."""

from __future__ import annotations

import gradio as gr

from webui.ui.library.library import library_panel


def build() -> gr.HTML:
    """Add the tab to the page."""
    return library_panel("ez-tab-models")
