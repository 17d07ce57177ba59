"""Settings: of the studio, for everybody, and of this browser."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from webui.ui.settings.settings import settings_panel


def build(tabs: Sequence[str]) -> gr.HTML:
    """Add the tab to the page; it may begin with one of the tabs."""
    return settings_panel("ez-tab-settings", tabs)
