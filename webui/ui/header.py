"""The header: name, tabs, model, queue, worker, theme, help. Kept up to date by `header.js`."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from webui.ui.scripts import on_mount

TEMPLATE = """
<header class="ez-header">
  <h1 class="ez-brand"><i aria-hidden="true"></i>Easel</h1>
  <nav class="ez-nav" aria-label="Tabs">{links}</nav>
  <span class="ez-header-space"></span>
  <span class="ez-header-added" role="toolbar" aria-label="Extensions"></span>
  <span class="ez-model" title="Model of this form"></span>
  <button class="ez-queue" type="button" aria-haspopup="dialog"></button>
  <span class="ez-worker" role="status" data-state="unknown"></span>
  <button class="ez-theme ez-icon" type="button" aria-label="Switch theme"></button>
  <button class="ez-help ez-icon" type="button" aria-label="Keyboard shortcuts"></button>
</header>
"""


def header(tabs: Sequence[str]) -> gr.HTML:
    """Add the header to the page; its links show one tab each, by address."""
    links = "".join(f'<a href="?tab={name}" data-tab="{name}">{name}</a>' for name in tabs)
    return gr.HTML(
        html_template=TEMPLATE.format(links=links),
        js_on_load=on_mount("header", tabs=list(tabs)),
        elem_id="ez-header",
        apply_default_css=False,
    )
