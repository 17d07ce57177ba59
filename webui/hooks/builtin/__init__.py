"""Easel's own extensions: features of the program, and examples of each extension point."""

from __future__ import annotations

from pathlib import Path

from webui.hooks.builtin import file_names, png_metadata, prompt_axes, prompt_functions
from webui.hooks.builtin.wildcard_files import FOLDERS, WildcardFiles

BUILTIN: tuple[tuple[str, object], ...] = (
    ("easel.png_metadata", png_metadata),
    ("easel.file_names", file_names),
    ("easel.prompt_axes", prompt_axes),
    ("easel.prompt_functions", prompt_functions),
)
"""Name and module, in the order in which they are registered."""


def own_extensions(folder: Path) -> tuple[tuple[str, object], ...]:
    """All of a studio with this data folder, by their names."""
    wildcards = WildcardFiles([folder / each for each in FOLDERS])
    return (*BUILTIN, ("easel.wildcard_files", wildcards))
