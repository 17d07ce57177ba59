"""Easel's own extensions: features of the program, and examples of each extension point."""

from __future__ import annotations

from types import ModuleType

from webui.hooks.builtin import file_names, png_metadata, prompt_axes, prompt_functions

BUILTIN: tuple[tuple[str, ModuleType], ...] = (
    ("easel.png_metadata", png_metadata),
    ("easel.file_names", file_names),
    ("easel.prompt_axes", prompt_axes),
    ("easel.prompt_functions", prompt_functions),
)
"""Name and module, in the order in which `app.py` registers them."""
