"""Extensions: which there are, what they do, and whether they are in use."""

from __future__ import annotations

import gradio as gr

from webui.ui.extensions.extensions import extensions_page


def build() -> gr.HTML:
    """Add the tab to the page."""
    return extensions_page("ez-tab-extensions")
