"""Gradio's controls in Easel's look: its variables point at the tokens of `assets/page.css`.

The tokens change between light and dark, so each variable is set to the same token in both.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.themes.utils.sizes import Size

from webui.ui.scripts import ASSETS

HEAD = f"""
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="{ASSETS}/page.css">
<link rel="stylesheet" href="{ASSETS}/canvas/layout.css">
"""

FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

TEXT = Size(
    xxs="11px", xs="12px", sm="13px", md="13px", lg="15px", xl="18px", xxl="18px", name="easel"
)
"""Gradio's own smallest sizes are too small to read."""

VARIABLES: dict[str, str] = {
    "body_background_fill": "var(--ez-page)",
    "body_text_color": "var(--ez-text)",
    "body_text_color_subdued": "var(--ez-dim)",
    "body_text_size": "13px",
    "background_fill_primary": "var(--ez-surface)",
    "background_fill_secondary": "var(--ez-page)",
    "border_color_primary": "var(--ez-edge)",
    "border_color_accent": "var(--ez-accent)",
    "color_accent": "var(--ez-accent)",
    "color_accent_soft": "var(--ez-accent-soft)",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_padding": "0px",
    "block_radius": "6px",
    "block_shadow": "none",
    "block_label_background_fill": "transparent",
    "block_label_text_color": "var(--ez-dim)",
    "block_title_background_fill": "transparent",
    "block_title_padding": "0px",
    "block_title_text_color": "var(--ez-dim)",
    "block_title_text_size": "13px",
    "block_title_text_weight": "500",
    "container_radius": "6px",
    "form_gap_width": "0px",
    "layout_gap": "12px",
    "input_background_fill": "var(--ez-field)",
    "input_background_fill_focus": "var(--ez-field)",
    "input_background_fill_hover": "var(--ez-field)",
    "input_border_color": "var(--ez-edge)",
    "input_border_color_focus": "var(--ez-accent)",
    "input_border_color_hover": "var(--ez-edge-strong)",
    "input_border_width": "1px",
    "input_padding": "7px 10px",
    "input_placeholder_color": "var(--ez-hint)",
    "input_radius": "6px",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 2px var(--ez-accent-soft)",
    "input_text_size": "15px",
    "slider_color": "var(--ez-accent)",
    "loader_color": "var(--ez-accent)",
    "button_transition": "background-color 0.12s, border-color 0.12s",
    "button_border_width": "1px",
    "button_large_radius": "6px",
    "button_large_text_size": "15px",
    "button_large_text_weight": "600",
    "button_large_padding": "8px 16px",
    "button_small_radius": "6px",
    "button_small_text_size": "13px",
    "button_small_padding": "6px 10px",
    "button_primary_background_fill": "var(--ez-accent)",
    "button_primary_background_fill_hover": "var(--ez-accent-strong)",
    "button_primary_border_color": "transparent",
    "button_primary_border_color_hover": "transparent",
    "button_primary_text_color": "var(--ez-on-accent)",
    "button_primary_text_color_hover": "var(--ez-on-accent)",
    "button_secondary_background_fill": "var(--ez-raised)",
    "button_secondary_background_fill_hover": "var(--ez-hover)",
    "button_secondary_border_color": "var(--ez-edge)",
    "button_secondary_border_color_hover": "var(--ez-edge-strong)",
    "button_secondary_text_color": "var(--ez-text)",
}
"""Gradio's theme variables and what each points at."""


def easel_theme() -> gr.themes.Base:
    """The one theme, system fonts only, the same tokens in light and dark."""
    theme = gr.themes.Base(
        font=list(FONT), font_mono=list(MONO), radius_size="sm", spacing_size="sm", text_size=TEXT
    )
    values: dict[str, Any] = dict(VARIABLES)
    values.update(
        {
            f"{name}_dark": value
            for name, value in VARIABLES.items()
            if hasattr(theme, name + "_dark")
        }
    )
    theme.set(**values)
    return theme
